// Package policy judges a Plan by the annotations of its namespace. The webhook and the syncer call the same functions, so that both
// decide alike.
package policy

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// Settings are the installation's choices. The zero value judges by the documented annotations and
// permits what no annotation limits.
type Settings struct {
	RoleAnnotation    string // empty: names.AnnotationPermittedRole
	KeyNameAnnotation string // empty: names.AnnotationPermittedKeyName
	Enforce           bool   // a missing annotation denies
	Legacy            bool   // match unanchored, and let an empty annotation permit everything, as KES did
	// VaultServers are the only ones that objects may name; nil: the syncer alone knows which.
	VaultServers []string
	// Compiled saves that each object compiles the patterns of its namespace anew; nil: each does.
	Compiled *Compiled
}

// Namespace is the part of a namespace that policy uses.
type Namespace struct {
	Name        string
	Annotations map[string]string
	Labels      map[string]string
}

// Violation is one thing that the namespace does not permit.
type Violation struct {
	*field.Error
	// Reason is KES's message for it, which users search their logs for. It is empty for what KES did not judge.
	Reason string
}

// Violations are everything that the namespace does not permit; none means permitted.
type Violations []Violation

// add takes the violation of a judgement, if it is one.
func (v *Violations) add(j Judgement) {
	if j.Verdict == Denied {
		*v = append(*v, j.Violation)
	}
}

// Errors lists the violations with their paths.
func (v Violations) Errors() field.ErrorList {
	var errs field.ErrorList
	for _, violation := range v {
		errs = append(errs, violation.Error)
	}
	return errs
}

// maxListed bounds how many violations a message lists.
const maxListed = 20

// Message is the text of a denial for object ("namespace/name"): KES's sentence, where it has one,
// and the violations with their paths, the first of many.
func (v Violations) Message(object string) string {
	message := "not allowed to fetch secret: " + object
	for _, violation := range v {
		if violation.Reason != "" {
			message += ": " + violation.Reason
			break
		}
	}
	listed := v[:min(len(v), maxListed)]
	message += ": " + listed.Errors().ToAggregate().Error()
	if more := len(v) - len(listed); more > 0 {
		message += fmt.Sprintf(" and %d more", more)
	}
	return message
}

// Check judges everything that a plan reads, and as whom: the roles first, as KES did, then the keys, and then what else widens
// an object's authority. A value that neither the object nor the installation names cannot be judged, which denies.
// It is what Explain denies.
func Check(p *plan.Plan, ns Namespace, s Settings) Violations {
	var found Violations
	j := &judge{namespace: ns, settings: s, report: found.add}
	j.plan(p)
	return found
}

// CheckWalked judges the names that a walk along an entry's path returned.
func CheckWalked(e plan.Entry, found []string, ns Namespace, s Settings) Violations {
	var violations Violations
	j := &judge{namespace: ns, settings: s, report: violations.add}
	for _, name := range found {
		j.key(&e, name, false)
	}
	return violations
}

// Warnings says where a namespace permits a plan, but not everything that its author set. Each warning begins with a path.
func Warnings(p *plan.Plan, ns Namespace) []string {
	shares := p.Target.Sharing != plan.Exclusive
	if !shares && (!p.Target.AdoptExisting || p.Words.Adoption == "") || AdoptPermitted(ns) {
		return nil
	}
	what := p.Words.Adoption
	if shares {
		what = p.Words.Sharing
	}
	return []string{fmt.Sprintf(`%s is not honoured: namespace %s lacks annotation %s: "true"`, what, ns.Name, names.AnnotationPermitAdopt)}
}

// AdoptPermitted reports whether a namespace permits its objects to take over Secrets that they did not make.
func AdoptPermitted(ns Namespace) bool {
	return ns.Annotations[names.AnnotationPermitAdopt] == "true"
}

// OpenableRequired reports whether a namespace denies objects with sealed values that no key of the cluster opens.
func OpenableRequired(ns Namespace) bool {
	return ns.Annotations[names.AnnotationRequireOpenable] == "true"
}

// annotation is the name that the installation gives an annotation.
func (s Settings) annotation(documented string) string {
	switch documented {
	case names.AnnotationPermittedRole:
		return s.roleAnnotation()
	case names.AnnotationPermittedKeyName:
		return s.keyNameAnnotation()
	}
	return documented
}

func (s Settings) roleAnnotation() string {
	if s.RoleAnnotation != "" {
		return s.RoleAnnotation
	}
	return names.AnnotationPermittedRole
}

func (s Settings) keyNameAnnotation() string {
	if s.KeyNameAnnotation != "" {
		return s.KeyNameAnnotation
	}
	return names.AnnotationPermittedKeyName
}

// PatternAnnotations lists the annotations of a namespace whose values are patterns.
func (s Settings) PatternAnnotations() []string {
	all := []string{s.roleAnnotation(), s.keyNameAnnotation()}
	for _, annotation := range append(backend.Annotations(), names.AnnotationPermittedControllerID, names.AnnotationPermittedStore,
		names.AnnotationPermittedSealingScope) {
		if annotation = s.annotation(annotation); !slices.Contains(all, annotation) {
			all = append(all, annotation)
		}
	}
	return all
}
