package policy

import "github.com/secretgate/secretgate/shared/plan"

// Verdict is what a namespace says of one value.
type Verdict int

// The verdicts.
const (
	Unlimited Verdict = iota // no annotation limits the value, which permits it
	Permitted                // a pattern matches
	Denied
)

// String is the verdict as people and programs read it.
func (v Verdict) String() string {
	return [...]string{"no limit", "permitted", "denied"}[v]
}

// Subject is what a value is that policy judges: the name of a plan.Aspect, or one of these.
type Subject string

// The subjects beside the aspects of Stores.
const (
	Key      Subject = "key"
	Path     Subject = "path"     // whose walk returns keys, which are judged one by one when they are known
	Choice   Subject = "choice"   // what the object chooses beside Stores and keys, such as its syncer
	Confined Subject = "confined" // a thing that only some namespaces may use
	Required Subject = "required" // an annotation that the installation demands of the namespace
)

// Judgement is what policy says of one value.
type Judgement struct {
	Of    Subject
	At    string     // the field that names the value, or the field that holds all others
	Store plan.Store // that the value is of, or that the key is read in; zero for others
	Value string     // empty: neither the object nor the installation names one

	Annotation string   // that limits such values, as the installation calls it
	Patterns   []string // its lines, as far as they were understood; nil: the namespace has no such annotation
	Pattern    string   // that matches, where the verdict is Permitted; empty: an empty annotation permits all (legacy)

	Verdict   Verdict
	Violation Violation // where the verdict is Denied
}

// Explain judges as Check does, and says of every value what limits it, be it permitted or not. The order is that of Check.
func Explain(p *plan.Plan, ns Namespace, s Settings) []Judgement {
	var all []Judgement
	j := &judge{namespace: ns, settings: s, report: func(one Judgement) { all = append(all, one) }}
	j.plan(p)
	return all
}
