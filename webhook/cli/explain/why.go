// Package explain makes answers of what is known of objects. It is pure: others have read the objects, the namespaces and the settings.
package explain

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/webhook/cli/shape"
)

// Subject is an object, and what there is to know of it.
type Subject struct {
	Kind   dialect.Kind
	Object dialect.Object
	// Plan is what its dialect makes of it, Wrong what is wrong with it, and Missing what it refers to and is not there.
	Plan           *plan.Plan
	Wrong, Missing field.ErrorList

	Namespace policy.Namespace
	Known     bool // the namespace is
	Settings  policy.Settings

	Live    bool  // the object is of a cluster
	Served  *bool // by the installed syncer; nil: not known
	Refresh Refresh
	Now     time.Time
}

// Refresh is how often the syncer reads for objects of one kind that do not say.
type Refresh struct {
	Interval time.Duration
	Disabled bool
}

// judged is what policy says of the object; nothing where the namespace is not known, or the object cannot be understood.
func (s Subject) judged() []policy.Judgement {
	if s.Plan == nil || !s.Known {
		return nil
	}
	return policy.Explain(s.Plan, s.Namespace, s.Settings)
}

// Why says what an object may read, why, and how it is.
func Why(s Subject) shape.Why {
	judged := s.judged()
	w := shape.Why{
		Object: ObjectOf(s.Kind, s.Object), Verdict: s.verdict(judged), Problems: problems(s.Wrong, s.Missing), Served: s.Served,
		Sources: []shape.Source{},
	}
	if s.Plan != nil {
		w.Secret, w.Suspended, w.Warnings = s.Plan.Target.Name, s.Plan.Suspend, s.Plan.Warnings
		if s.Known {
			w.Warnings = append(w.Warnings, policy.Warnings(s.Plan, s.Namespace)...)
		}
		w.Sources, w.Limits = sources(s.Plan, judged)
	}
	if !s.Live {
		return w
	}
	record := s.Kind.Status(s.Object).Record()
	w.Status = statusOf(record, s.Object.GetGeneration())
	next := s.nextRead(w.Verdict, record)
	w.NextRead = &next
	return w
}

// ObjectOf names an object of a kind.
func ObjectOf(k dialect.Kind, object metav1.Object) shape.Object {
	t := k.Type()
	return shape.Object{APIVersion: t.GroupVersion().String(), Kind: t.Kind, Namespace: object.GetNamespace(), Name: object.GetName()}
}

// verdict is that on the whole object.
func (s Subject) verdict(judged []policy.Judgement) string {
	switch {
	case s.Plan == nil || len(s.Wrong) > 0:
		return shape.Invalid
	case !s.Known:
		return shape.Unjudged
	}
	for _, j := range judged {
		if j.Verdict == policy.Denied {
			return shape.Denied
		}
	}
	return shape.Permitted
}

func problems(lists ...field.ErrorList) []shape.Problem {
	var all []shape.Problem
	for _, list := range lists {
		for _, err := range list {
			at := err.Field
			if at == "<nil>" { // what concerns the whole object
				at = ""
			}
			all = append(all, shape.Problem{Field: at, Message: err.ErrorBody()})
		}
	}
	return all
}

// statusOf is nil where the syncer never said anything.
func statusOf(r plan.Record, generation int64) *shape.Status {
	if r.Ready == "" {
		return nil
	}
	s := &shape.Status{
		Ready: string(r.Ready), Reason: string(r.Reason), Message: r.Message, Since: at(r.Since), LastSync: at(r.LastSync),
		LastSuccess: at(r.LastSuccess), Current: r.Generation == generation,
	}
	for _, e := range r.Entries {
		if e.Error != "" {
			s.Failures = append(s.Failures, shape.Failure{Field: e.Field, Reason: string(e.Error)})
		}
	}
	return s
}

func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
