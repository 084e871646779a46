package explain

import (
	"cmp"
	"slices"
	"strings"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/webhook/cli/shape"
)

// Query is a key whose readers are wanted.
type Query struct {
	Key     string
	Backend plan.Backend // empty: any
	Roles   []string     // empty: any
}

// Access is what a namespace says of the key. What it limits besides, and the query says nothing of, narrows that.
func Access(q Query, ns policy.Namespace, s policy.Settings) shape.Access {
	a := shape.Access{Namespace: ns.Name, Limits: []shape.Limit{}}
	seen := map[[3]string]bool{}
	for _, b := range q.backends() {
		for _, j := range policy.Explain(q.plan(b), ns, s) {
			l := limitOf(j)
			if !q.asks(j, s) {
				l.Value = ""
			}
			id := [3]string{l.Of, l.Value, l.Annotation}
			switch {
			case seen[id]:
				continue
			case q.asks(j, s):
				l.Field = "" // no object has one
				a.Limits = append(a.Limits, l)
			case j.Patterns != nil:
				a.Narrowed = append(a.Narrowed, shape.Narrowing{Of: l.Of, Annotation: l.Annotation, Patterns: l.Patterns})
			}
			seen[id] = true
		}
	}
	a.Verdict = verdictOf(a.Limits, len(q.Roles))
	return a
}

// asks reports whether the query is about what a judgement is of.
func (q Query) asks(j policy.Judgement, s policy.Settings) bool {
	switch j.Of {
	case policy.Key:
		return true
	case policy.Required: // the annotation of roles is only demanded where there is a role
		return len(q.Roles) > 0 || j.Annotation == cmp.Or(s.KeyNameAnnotation, names.AnnotationPermittedKeyName)
	case policy.Subject(plan.Role.String()):
		return len(q.Roles) > 0
	}
	return false
}

// verdictOf is that on a key: what is demanded of the namespace counts, and one role that is permitted is enough.
func verdictOf(limits []shape.Limit, roles int) string {
	verdict, refused := shape.NoLimit, 0
	for _, l := range limits {
		switch {
		case l.Verdict == shape.Denied && l.Of == plan.Role.String():
			refused++
		case l.Verdict == shape.Denied:
			return shape.Denied
		case l.Verdict == shape.Permitted:
			verdict = shape.Permitted
		}
	}
	if roles > 0 && refused >= roles {
		return shape.Denied
	}
	return verdict
}

func (q Query) backends() []*backend.Backend {
	if b, known := backend.Of(q.Backend); known {
		return []*backend.Backend{b}
	}
	return backend.All()
}

// unsaid stands for what the query does not say, and any object must: what limits that is of interest, and not the verdict.
const unsaid = "?"

// plan is that of an object which reads the key as each of the roles: as any, and as none, where the query names none.
func (q Query) plan(b *backend.Backend) *plan.Plan {
	p := &plan.Plan{Words: &plan.Words{Spec: "spec"}}
	roles := q.Roles
	switch {
	case !b.Uses(plan.Role):
		roles = []string{""}
	case len(roles) == 0:
		roles = []string{unsaid, ""}
	}
	for _, role := range roles {
		store := plan.Store{Backend: b.Name}
		for _, aspect := range plan.Aspects() {
			if b.Uses(aspect) {
				store.Set(aspect, unsaid)
			}
		}
		store.Role = role
		if role == "" && b.Uses(plan.Role) { // the syncer's own identity reads
			store.Credential = plan.Credential{}
		}
		p.Entries = append(p.Entries, plan.Entry{KeyField: "spec", Source: plan.Source{Store: store, Read: plan.Read{Key: q.Key}}})
	}
	return p
}

// Readers lists where an object reads the key, or walks a path that it is below.
func Readers(q Query, s Subject) []shape.Reader {
	if s.Plan == nil {
		return nil
	}
	var all []shape.Reader
	why := Why(s)
	for i := range s.Plan.Entries {
		e := &s.Plan.Entries[i]
		if e.IsSealed() || !q.reads(e.Source) {
			continue
		}
		r := shape.Reader{
			Object: why.Object, Field: e.Field, Backend: string(e.Source.Backend), Role: e.Source.Role, Verdict: why.Verdict,
		}
		if e.Source.Path {
			r.Walks = e.Source.Key
		}
		if why.Status != nil {
			r.Reason = why.Status.Reason
		}
		all = append(all, r)
	}
	return all
}

func (q Query) reads(source plan.Source) bool {
	switch {
	case q.Backend != "" && source.Backend != q.Backend, len(q.Roles) > 0 && !slices.Contains(q.Roles, source.Role):
		return false
	case !source.Path:
		return source.Key == q.Key
	}
	below, found := strings.CutPrefix(q.Key, strings.TrimSuffix(source.Key, "/")+"/")
	return found && below != "" && (source.Recursive || !strings.Contains(below, "/"))
}
