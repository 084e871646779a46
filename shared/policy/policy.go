// Package policy judges a Plan by the annotations of its namespace. The webhook and the syncer call the same functions, so that both
// decide alike.
package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/text"
)

// Settings are the installation's choices. The zero value judges by the documented annotations and
// permits what no annotation limits.
type Settings struct {
	RoleAnnotation    string // empty: names.AnnotationPermittedRole
	KeyNameAnnotation string // empty: names.AnnotationPermittedKeyName
	Enforce           bool   // a missing annotation denies
	Legacy            bool   // match unanchored, and let an empty annotation permit everything, as KES did
}

// Namespace is the part of a namespace that policy uses.
type Namespace struct {
	Name        string
	Annotations map[string]string
}

// Violation is one thing that the namespace does not permit.
type Violation struct {
	*field.Error
	// Reason is KES's message for it, which users search their logs for. It is empty for what KES did not judge.
	Reason string
}

// Violations are everything that the namespace does not permit; none means permitted.
type Violations []Violation

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
func Check(p *plan.Plan, ns Namespace, s Settings) Violations {
	j := &judge{namespace: ns, settings: s}
	stores := p.Stores()
	for _, store := range stores {
		j.store(p, store, true)
	}
	for i := range p.Entries {
		e := &p.Entries[i]
		j.key(e.KeyField, e.Source.Key, e.Source.Path)
	}
	for _, c := range p.Choices {
		j.match(c.At, c.Value, c.Annotation, nil)
	}
	for _, store := range stores {
		j.store(p, store, false)
	}
	j.required(stores)
	return j.violations
}

// CheckWalked judges the names that a walk along an entry's path returned.
func CheckWalked(e plan.Entry, found []string, ns Namespace, s Settings) Violations {
	j := &judge{namespace: ns, settings: s}
	for _, name := range found {
		j.key(e.KeyField, name, false)
	}
	return j.violations
}

// Warnings says where a namespace permits a plan, but not everything that its author set. Each warning begins with a path.
func Warnings(p *plan.Plan, ns Namespace) []string {
	if !p.Target.AdoptExisting || AdoptPermitted(ns) {
		return nil
	}
	return []string{fmt.Sprintf(`%s is not honoured: namespace %s lacks annotation %s: "true"`,
		p.Words.Adoption, ns.Name, names.AnnotationPermitAdopt)}
}

// AdoptPermitted reports whether a namespace permits its objects to take over Secrets that they did not make.
func AdoptPermitted(ns Namespace) bool {
	return ns.Annotations[names.AnnotationPermitAdopt] == "true"
}

type judge struct {
	namespace  Namespace
	settings   Settings
	compiled   map[string]*patterns
	violations Violations
}

// store judges the role of a Store, or everything else of it that a namespace may restrict. A message names the field, or the spec of
// an object without such a field.
func (j *judge) store(p *plan.Plan, store plan.Store, role bool) {
	b, known := backend.Of(store.Backend)
	if !known {
		return // another error reports the unknown backend
	}
	places := p.Places[store]
	for _, limit := range b.Limits {
		at, value := cmp.Or(places[limit.Aspect].Field, p.Words.Spec), store.Get(limit.Aspect)
		switch {
		case (limit.Aspect == plan.Role) != role, limit.Chosen && value == "":
		case value == "" && limit.Demand != "":
			j.demand(at, limit.Demand)
		default:
			j.match(at, value, j.settings.annotation(limit.Annotation), reasons[limit.Aspect])
		}
	}
}

// reasons are KES's messages for violations that it judged, given the value.
var reasons = map[plan.Aspect]func(value, lines string) string{
	plan.Role: func(value, _ string) string {
		return "namespace does not allow to assume role " + text.Cut(value, maxValue)
	},
}

// demand denies an object that has no role, where the namespace demands one.
func (j *judge) demand(at, annotation string) {
	if j.namespace.Annotations[annotation] == "true" {
		j.deny(field.Required(field.NewPath(at), fmt.Sprintf(
			"namespace %q demands a role (annotation %s): without one the syncer's own identity would read",
			j.namespace.Name, annotation)), "")
	}
}

func (j *judge) key(at, key string, path bool) {
	what := "key name"
	if path {
		what = "path"
	}
	j.match(at, key, j.settings.keyNameAnnotation(), func(key, convention string) string {
		return fmt.Sprintf("%s %s does not match naming convention %s", what, text.Cut(key, maxValue), convention)
	})
}

// required denies objects without these annotations, where annotations are enforced: that for keys always, that for roles if the
// object has one.
func (j *judge) required(stores []plan.Store) {
	if !j.settings.Enforce {
		return
	}
	wanted := []string{j.settings.keyNameAnnotation()}
	if slices.ContainsFunc(stores, func(s plan.Store) bool { return s.Role != "" }) {
		wanted = append(wanted, j.settings.roleAnnotation())
	}
	for _, annotation := range wanted {
		if _, present := j.namespace.Annotations[annotation]; !present {
			reason := fmt.Sprintf("Missing required annotation %s on namespace %s", annotation, j.namespace.Name)
			j.deny(field.Forbidden(field.NewPath("metadata", "namespace"), reason), reason)
		}
	}
}

// match judges one value by one annotation. An absent annotation permits everything. reason is KES's message for a violation, given
// the value and the annotation's text; nil where KES did not judge.
func (j *judge) match(at, value, annotation string, reason func(value, lines string) string) {
	lines, present := j.namespace.Annotations[annotation]
	if !present {
		return
	}
	allowed, seen := j.compiled[annotation]
	if !seen {
		allowed = compile(lines, j.settings.Legacy)
		if j.compiled == nil {
			j.compiled = map[string]*patterns{}
		}
		j.compiled[annotation] = allowed
	}
	matched, why := allowed.match(value)
	if matched {
		return
	}
	subject := fmt.Sprintf("%q is not permitted", text.Cut(value, maxValue))
	if value == "" {
		subject = "an empty value is not permitted"
	}
	words := ""
	if reason != nil {
		words = reason(value, text.Cut(strings.TrimSpace(lines), maxShown))
	}
	if len(allowed.regexps) > 0 {
		why += j.namesNotARNs(value, annotation, lines)
	}
	j.deny(field.Forbidden(field.NewPath(at), fmt.Sprintf("%s in namespace %q: annotation %s %s",
		subject, j.namespace.Name, annotation, why)), words)
}

func (j *judge) deny(err *field.Error, reason string) {
	j.violations = append(j.violations, Violation{Error: err, Reason: reason})
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
	for _, annotation := range append(backend.Annotations(), names.AnnotationPermittedControllerID) {
		if annotation = s.annotation(annotation); !slices.Contains(all, annotation) {
			all = append(all, annotation)
		}
	}
	return all
}
