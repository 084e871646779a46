package dialecttest

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
)

// words proves that no message lacks a word: each is there, but those of what no example does.
func (r *runner) words(t *testing.T) {
	for _, kind := range r.kinds {
		words, is := kind.Words(), kind.Type()
		needless := map[string]bool{
			"Paused": true, "Adoption": true, "Sharing": true, "Misnamed": true,
			string(plan.TermRecursive): true, string(plan.TermEngine1): true, string(plan.TermEngine2): true,
		}
		for _, e := range r.examples {
			if e.kind == kind {
				r.needed(t, e, needless)
			}
		}
		if words.Kind != is.Kind || !r.rooted(words.Spec) || !r.rooted(words.Type) {
			t.Errorf("%s: the words speak of kind %q, spec %q and type %q, want fields of the object", is.Kind, words.Kind, words.Spec, words.Type)
		}
		for i := range reflect.TypeFor[plan.Words]().NumField() {
			name := reflect.TypeFor[plan.Words]().Field(i).Name
			if text := reflect.ValueOf(*words).Field(i); text.Kind() == reflect.String && text.Len() == 0 && !needless[name] {
				t.Errorf("%s: there is no word for %s", is.Kind, name)
			}
		}
		for _, term := range plan.Terms() {
			if text, ok := words.Terms[term]; !ok || text == "" && !needless[string(term)] {
				t.Errorf("%s: there is no word for %s", is.Kind, term)
			}
		}
		for term := range words.Terms {
			if !slices.Contains(append(plan.Terms(), plan.AspectTerms()...), term) {
				t.Errorf("%s: %s is no term", is.Kind, term)
			}
		}
	}
}

// needed strikes what an example does off the words that are needless.
func (r *runner) needed(t *testing.T, e example, needless map[string]bool) {
	t.Helper()
	p := r.mustPlan(t, e)
	strike := func(word string, used bool) {
		if used {
			delete(needless, word)
		}
	}
	strike("Paused", p.Suspend)
	strike("Sharing", p.Target.Sharing != plan.Exclusive)
	for i := range p.Entries {
		if p.Entries[i].IsSealed() {
			continue
		}
		source := p.Entries[i].Source
		strike("Misnamed", p.Entries[i].Kind == plan.Members && p.Entries[i].Naming == nil)
		strike(string(plan.TermRecursive), source.Path)
		strike(string(plan.TermEngine1), source.Backend == backend.Vault)
		strike(string(plan.TermEngine2), source.Backend == backend.Vault)
		for _, term := range append(plan.Terms(), plan.TermRole, plan.TermLocation, plan.TermMount, plan.TermContainer) {
			if said := p.Say(source.Store, string(term)); strings.Contains(said, "{") {
				t.Errorf("%s: %s stays as it is in a message", e.name, term)
			}
		}
	}
}
