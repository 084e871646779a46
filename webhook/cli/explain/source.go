package explain

import (
	"cmp"
	"slices"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/webhook/cli/shape"
)

// sources lists what a plan reads, each with what limits it, and the limits that are of no one source.
func sources(p *plan.Plan, judged []policy.Judgement) (all []shape.Source, rest []shape.Limit) {
	told := make([]bool, len(judged))
	all = []shape.Source{}
	for _, source := range p.Sources() {
		one := sourceOf(p, source)
		seen := map[string]bool{}
		for i, j := range judged {
			if !concerns(j, source) {
				continue
			}
			told[i] = true
			if limit := limitOf(j); !seen[limit.Of+"\x00"+limit.Annotation] {
				seen[limit.Of+"\x00"+limit.Annotation] = true
				one.Limits = append(one.Limits, limit)
			}
		}
		all = append(all, one)
	}
	for i, j := range judged {
		if !told[i] {
			rest = append(rest, limitOf(j))
		}
	}
	return all, rest
}

// concerns reports whether a judgement is of a source: of its key, or of its Store.
func concerns(j policy.Judgement, source plan.Source) bool {
	switch j.Of {
	case policy.Choice, policy.Confined, policy.Required:
		return false
	case policy.Key, policy.Path:
		return j.Store == source.Store && j.Value == source.Key && (j.Of == policy.Path) == source.Path
	default:
		return j.Store == source.Store
	}
}

func sourceOf(p *plan.Plan, source plan.Source) shape.Source {
	one := shape.Source{
		Backend: string(source.Backend), Key: source.Key, Path: source.Path, Recursive: source.Recursive,
		Version:  cmp.Or(source.Version, source.VersionID, source.VersionStage),
		Identity: identity(p, source.Store), Limits: []shape.Limit{},
	}
	for i := range p.Entries {
		if e := &p.Entries[i]; e.Source == source {
			one.Fields = append(one.Fields, e.Field)
			if e.Name != "" {
				one.Entries = append(one.Entries, e.Name)
			}
		}
	}
	return one
}

// identity is where a Store is, and as whom it is read: what its backend makes use of.
func identity(p *plan.Plan, store plan.Store) []shape.Aspect {
	b, known := backend.Of(store.Backend)
	if !known {
		return []shape.Aspect{}
	}
	all := []shape.Aspect{}
	for _, aspect := range plan.Aspects() {
		if !b.Uses(aspect) {
			continue
		}
		place, value := p.Places[store][aspect], store.Get(aspect)
		if value == "" && aspect != plan.Role && place.Field == "" {
			continue // the installation's alone
		}
		all = append(all, shape.Aspect{Name: noun(b, aspect), Value: value, Field: place.Field, Default: place.Default})
	}
	if store.Method != "" {
		all = append(all, shape.Aspect{Name: "method", Value: store.Method})
	}
	if store.Credential.Kind == plan.SecretCredential { // the name of the Secret, and of its entry
		all = append(all, shape.Aspect{Name: "credential", Value: "Secret " + store.Credential.Name + ", entry " + store.Credential.Key})
	}
	return all
}

// noun is what people call an aspect of a backend.
func noun(b *backend.Backend, aspect plan.Aspect) string {
	if aspect == plan.Account {
		return "service account"
	}
	return cmp.Or(b.Nouns[aspect], aspect.String())
}

// limitOf is a judgement, as it is shown.
func limitOf(j policy.Judgement) shape.Limit {
	l := shape.Limit{
		Verdict: j.Verdict.String(), Of: string(j.Of), Field: j.At, Value: j.Value, Annotation: j.Annotation,
		Patterns: j.Patterns, Pattern: j.Pattern,
	}
	switch j.Of {
	case policy.Key, policy.Path:
		l.Renamed = j.Annotation != names.AnnotationPermittedKeyName
	case policy.Subject(plan.Role.String()):
		l.Renamed = j.Annotation != names.AnnotationPermittedRole && j.Annotation != names.AnnotationRequireRole
	case policy.Required:
		l.Renamed = j.Annotation != names.AnnotationPermittedKeyName && j.Annotation != names.AnnotationPermittedRole
	}
	if b, known := backend.Of(j.Store.Backend); known {
		if i := slices.IndexFunc(plan.Aspects(), func(a plan.Aspect) bool { return a.String() == l.Of }); i >= 0 {
			l.Of = noun(b, plan.Aspects()[i])
		}
	}
	if j.Verdict == policy.Denied {
		l.Message = j.Violation.ErrorBody()
	}
	return l
}
