package dialecttest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// unsound lists what may not be in a Plan that comes without errors.
func (r *runner) unsound(kind dialect.Kind, object dialect.Object, p *plan.Plan) (problems []string) {
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	id := plan.IDOf(kind.Type().GroupVersionKind, object)
	if p.Object != id || p.Kind != kind.Type().GroupVersionKind || p.UID != object.GetUID() || p.Generation != object.GetGeneration() ||
		p.ForceSync != dialect.ForceSyncOf(kind, object) || p.Words != kind.Words() {
		say("the plan is of %v, of kind %s, want %v", p.Object, p.Kind, id)
	}
	problems = append(problems, unsoundTarget(kind, object, p)...)
	problems = append(problems, unsoundTemplates(p)...)
	if least := r.Policy.MinRefreshInterval; p.Refresh.Interval < 0 || p.Refresh.Interval > 0 && p.Refresh.Interval < least {
		say("the interval is %s, want at least %s", p.Refresh.Interval, least)
	}
	for i := range p.Entries {
		problems = append(problems, unsoundEntry(p, &p.Entries[i])...)
	}
	if scoped := func(c plan.Choice) bool { return c.Annotation == names.AnnotationPermittedSealingScope }; p.HasSealed() &&
		!slices.ContainsFunc(p.Choices, scoped) {
		say("it has what is sealed, and no choice of a scope for policy to judge")
	}
	return problems
}

// unsoundTarget lists what is wrong with the Secret to make.
func unsoundTarget(kind dialect.Kind, object dialect.Object, p *plan.Plan) (problems []string) {
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	secret := object.GetName()
	if namer, ok := kind.(dialect.Namer); ok {
		secret = namer.Secret(object)
	}
	if p.Target.Name != secret || secret != object.GetName() && len(validation.IsDNS1123Subdomain(secret)) > 0 {
		say("the Secret is called %q, want %q, which is a name", p.Target.Name, secret)
	}
	if d := p.Target.DeletionPolicy; d != plan.DeletionDelete && d != plan.DeletionRetain {
		say("the deletion policy is %q", d)
	}
	if slices.Contains([]string{"", "kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"}, p.Template.Type) {
		say("the type of the Secret is %q", p.Template.Type)
	}
	for _, keys := range []map[string]string{p.Template.Labels, p.Template.Annotations} {
		for key := range keys {
			if strings.HasPrefix(key, names.ReservedPrefix) {
				say("the template sets %s, which is ours", key)
			}
		}
	}
	for key := range p.Template.Data {
		if len(validation.IsConfigMapKey(key)) > 0 {
			say("the template sets the entry %q", key)
		}
	}
	return problems
}

// unsoundTemplates lists what is wrong with the texts that templates make, and with what they are given.
func unsoundTemplates(p *plan.Plan) (problems []string) {
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	t, named := &p.Template, map[string]string{}
	all := slices.Clone(t.Options.Library)
	for _, made := range t.Made {
		all = append(all, made.Text)
	}
	for _, text := range all {
		if other, taken := named[text.Name]; taken && text.Name != "" {
			say("the texts at %s and %s are both called %s", other, text.Field, text.Name)
		}
		if text.Field == "" {
			say("the text %q is nowhere in the object", text.Name)
		}
		named[text.Name] = text.Field
	}
	if len(t.Made) > 0 && t.Engine == "" {
		say("it has texts of no template engine")
	}
	for name, input := range t.Inputs {
		if t.Options.JSON && !json.Valid(input) {
			say("the input %q of templates is no JSON", name)
		}
	}
	return problems
}

// unsoundEntry lists what is wrong with an entry, by the rules of its backend.
func unsoundEntry(p *plan.Plan, e *plan.Entry) (problems []string) {
	say := func(format string, args ...any) {
		problems = append(problems, fmt.Sprintf("%s: ", e.Field)+fmt.Sprintf(format, args...))
	}
	if e.IsSealed() {
		return append(unsoundSealed(e), unsoundUse(e)...)
	}
	of, known := backend.Of(e.Source.Backend)
	if !known {
		say("there is no backend %q", e.Source.Backend)
		return problems
	}
	if e.Field == "" || !strings.HasPrefix(e.KeyField, e.Field) {
		say("it names its key at %q", e.KeyField)
	}
	if (e.Kind == plan.Single) != (e.Name != "") || e.Name != "" && len(validation.IsConfigMapKey(e.Name)) > 0 {
		say("it is of kind %d and called %q", e.Kind, e.Name)
	}
	problems = append(problems, unsoundKey(e, of)...)
	problems = append(problems, unsoundUse(e)...)
	if read := of.Read(e.Source.Read); read != e.Source.Read {
		say("it reads %+v, which is the same as %+v: two sources for one", e.Source.Read, read)
	}
	if _, placed := p.Places[e.Source.Store]; !placed {
		say("its Store has no Places")
	}
	if name := e.Source.ServerName; name != "" && (of.Name != backend.Vault || plan.ServerName(name) != "") {
		say("its Store has the server name %q, which means nothing to %s, or is none", name, of.Name)
	}
	for _, aspect := range plan.Aspects() {
		switch value := e.Source.Get(aspect); {
		case value == "":
		case !of.Takes(aspect):
			say("its Store has %q, which means nothing to %s", value, of.Name)
		case of.Unusable(aspect, value) != "":
			say("its Store has %q, which %s", value, of.Unusable(aspect, value))
		}
	}
	return problems
}

// unsoundSealed lists what is wrong with an entry that is sealed: it is one value, or a Secret whose members are its entries, and has no
// Source.
func unsoundSealed(e *plan.Entry) (problems []string) {
	only := plan.Entry{Field: e.Field, KeyField: e.KeyField, Name: e.Name, Use: e.Use, Sealed: e.Sealed}
	if e.Kind == plan.Members {
		only.Kind, only.Name, only.Property, only.Decoding = plan.Members, "", e.Property, e.Decoding
	}
	if *e != only || e.Field == "" || e.Sealed.Ciphertext == "" || e.Kind == plan.Single && len(validation.IsConfigMapKey(e.Name)) > 0 {
		problems = append(problems, fmt.Sprintf("%s: it is sealed, and says what means nothing to that, or nothing that does", e.Field))
	}
	return problems
}

// unsoundKey lists what is wrong with what an entry reads. Only a listing of names may do without a key.
func unsoundKey(e *plan.Entry, of *backend.Backend) (problems []string) {
	finds := e.Source.Path && of.Finds
	if problem := of.Key(e.Source.Key); problem != "" || e.Source.Key == "" && !finds {
		problems = append(problems, fmt.Sprintf("%s: the key %q %s", e.Field, e.Source.Key, problem))
	}
	if e.Source.Path != (e.Kind == plan.Tree) || e.Source.Path && !of.Walks && !finds {
		problems = append(problems, fmt.Sprintf("%s: it is of kind %d and reads a path: %t", e.Field, e.Kind, e.Source.Path))
	}
	return problems
}

// unsoundUse lists what is wrong with what an entry makes of an answer.
func unsoundUse(e *plan.Entry) (problems []string) {
	say := func(format string, args ...any) {
		problems = append(problems, fmt.Sprintf("%s: ", e.Field)+fmt.Sprintf(format, args...))
	}
	if !slices.Contains(plan.Portions(), e.Portion) {
		say("there is no portion %q", e.Portion)
	}
	if e.Portion == plan.Answer && e.Kind != plan.Single {
		say("it is of kind %d and made of the whole answer", e.Kind)
	}
	if !slices.Contains(plan.Uses(), e.Use) {
		say("there is no use %q", e.Use)
	}
	patterns := append(e.Matching.Texts(), e.Excluding.Texts()...)
	if e.Kind == plan.Single && len(patterns) > 0 {
		say("it has one name, and patterns %q", patterns)
	}
	for _, pattern := range patterns {
		if problem := plan.NamePattern(pattern); problem != "" {
			say("its pattern %q %s", pattern, problem)
		}
	}
	return problems
}
