package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/text"
)

// judge judges all values of one object. It is the only judge there is: Check and Explain differ in what they keep of its judgements.
type judge struct {
	namespace Namespace
	settings  Settings
	compiled  map[string]*matcher
	report    func(Judgement)
}

// plan judges a whole plan, in the order in which violations are listed.
func (j *judge) plan(p *plan.Plan) {
	stores := p.Stores()
	for _, store := range stores {
		j.store(p, store, true)
	}
	for i := range p.Entries {
		e := &p.Entries[i]
		if e.IsSealed() {
			continue // it has no key: its scope is among the choices
		}
		j.key(e, e.Source.Key, e.Source.Path)
	}
	for _, c := range p.Choices {
		one := Judgement{Of: Choice, At: c.At, Value: c.Value, Annotation: j.settings.annotation(c.Annotation)}
		if c.Annotation == names.AnnotationPermittedVaultServer && !j.listed(c.Value) {
			j.unlisted(one)
			continue
		}
		j.match(one, nil)
	}
	for _, c := range p.Confined {
		j.confined(c)
	}
	for _, store := range stores {
		j.store(p, store, false)
	}
	j.required(p, stores)
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
		value := store.Get(limit.Aspect)
		one := Judgement{
			Of: Subject(limit.Aspect.String()), At: cmp.Or(places[limit.Aspect].Field, p.Words.Spec), Store: store, Value: value,
		}
		switch {
		case (limit.Aspect == plan.Role) != role, limit.Chosen && value == "":
		case limit.Aspect == plan.Address && !j.listed(value):
			j.unlisted(one)
		case value == "" && limit.Demand != "" && store.Credential.OfCluster():
			// A credential of its own reads, and not the syncer's.
		case value == "" && limit.Demand != "":
			one.Annotation = limit.Demand
			j.demand(one)
		default:
			one.Annotation = j.settings.annotation(limit.Annotation)
			j.match(one, reasons[limit.Aspect])
		}
	}
}

// listed reports whether the installation lets objects name a server, as far as it is known.
func (j *judge) listed(server string) bool {
	return j.settings.VaultServers == nil || slices.Contains(j.settings.VaultServers, server)
}

// unlisted denies a server that is none of them.
func (j *judge) unlisted(one Judgement) {
	j.deny(one, field.Forbidden(field.NewPath(one.At), fmt.Sprintf(
		"%q is not among the servers of Vault that this installation permits: name one of --vault-servers (VAULT_SERVERS)",
		text.Cut(one.Value, maxValue))), "")
}

// confined denies what is confined to other namespaces.
func (j *judge) confined(c plan.Confined) {
	one := Judgement{Of: Confined, At: c.At, Value: c.What}
	if slices.ContainsFunc(c.To, j.matches) {
		one.Verdict = Permitted
		j.report(one)
		return
	}
	j.deny(one, field.Forbidden(field.NewPath(c.At), fmt.Sprintf("%s admits other namespaces only, and not %q: see its %s",
		c.What, j.namespace.Name, c.By)), "")
}

// matches reports whether the namespace is one of those. A pattern or selector that cannot be understood matches none.
func (j *judge) matches(to plan.NamespaceMatch) bool {
	if slices.Contains(to.Names, j.namespace.Name) {
		return true
	}
	for _, pattern := range to.Patterns {
		if re, _, problem := plan.CompilePattern(pattern); problem == "" && re.MatchString(j.namespace.Name) {
			return true
		}
	}
	if to.Selector == nil {
		return false
	}
	selector, err := metav1.LabelSelectorAsSelector(to.Selector)
	return err == nil && selector.Matches(labels.Set(j.namespace.Labels))
}

// reasons are KES's messages for violations that it judged, given the value.
var reasons = map[plan.Aspect]func(value, lines string) string{
	plan.Role: func(value, _ string) string {
		return "namespace does not allow to assume role " + text.Cut(value, maxValue)
	},
}

// demand denies an object that has no role, where the namespace demands one.
func (j *judge) demand(one Judgement) {
	lines, present := j.namespace.Annotations[one.Annotation]
	if present {
		one.Patterns = []string{lines}
	}
	if lines != "true" {
		j.report(one)
		return
	}
	j.deny(one, field.Required(field.NewPath(one.At), fmt.Sprintf(
		"namespace %q demands a role (annotation %s): without one the syncer's own identity would read",
		j.namespace.Name, one.Annotation)), "")
}

func (j *judge) key(e *plan.Entry, key string, path bool) {
	of := Key
	if path {
		of = Path
	}
	j.match(Judgement{
		Of: of, At: e.KeyField, Store: e.Source.Store, Value: key, Annotation: j.settings.keyNameAnnotation(),
	}, func(key, convention string) string {
		what := map[Subject]string{Key: "key name", Path: "path"}[of]
		return fmt.Sprintf("%s %s does not match naming convention %s", what, text.Cut(key, maxValue), convention)
	})
}

// required denies objects without these annotations, where annotations are enforced: that for keys always, but where all that an object
// has is sealed; that for the scopes of what is sealed and that for roles if the object has one.
func (j *judge) required(p *plan.Plan, stores []plan.Store) {
	if !j.settings.Enforce {
		return
	}
	var wanted []string
	sealed := p.HasSealed()
	if !sealed || len(p.Sources()) > 0 {
		wanted = append(wanted, j.settings.keyNameAnnotation())
	}
	if sealed {
		wanted = append(wanted, names.AnnotationPermittedSealingScope)
	}
	if slices.ContainsFunc(stores, func(s plan.Store) bool { return s.Role != "" }) {
		wanted = append(wanted, j.settings.roleAnnotation())
	}
	for _, annotation := range wanted {
		if _, present := j.namespace.Annotations[annotation]; !present {
			reason := fmt.Sprintf("Missing required annotation %s on namespace %s", annotation, j.namespace.Name)
			at := field.NewPath("metadata", "namespace")
			j.deny(Judgement{Of: Required, At: at.String(), Annotation: annotation}, field.Forbidden(at, reason), reason)
		}
	}
}

// match judges one value by one annotation. An absent annotation permits everything. reason is KES's message for a violation, given
// the value and the annotation's text; nil where KES did not judge.
func (j *judge) match(one Judgement, reason func(value, lines string) string) {
	lines, present := j.namespace.Annotations[one.Annotation]
	if !present {
		j.report(one)
		return
	}
	allowed := j.patterns(one.Annotation, lines)
	matched, by, why := allowed.match(one.Value)
	one.Patterns = allowed.lines
	if matched {
		one.Verdict, one.Pattern = Permitted, by
		j.report(one)
		return
	}
	subject := fmt.Sprintf("%q is not permitted", text.Cut(one.Value, maxValue))
	if one.Value == "" {
		subject = "an empty value is not permitted"
	}
	words := ""
	if reason != nil {
		words = reason(one.Value, text.Cut(strings.TrimSpace(lines), maxShown))
	}
	if len(allowed.regexps) > 0 {
		why += j.namesNotARNs(one.Value, one.Annotation, lines)
	}
	j.deny(one, field.Forbidden(field.NewPath(one.At), fmt.Sprintf("%s in namespace %q: annotation %s %s",
		subject, j.namespace.Name, one.Annotation, why)), words)
}

// patterns are the lines of an annotation, compiled once for all values.
func (j *judge) patterns(annotation, lines string) *matcher {
	allowed, seen := j.compiled[annotation]
	if !seen {
		allowed = &matcher{patterns: j.settings.Compiled.patterns(lines, j.settings.Legacy)}
		if j.compiled == nil {
			j.compiled = map[string]*matcher{}
		}
		j.compiled[annotation] = allowed
	}
	return allowed
}

func (j *judge) deny(one Judgement, err *field.Error, reason string) {
	one.Verdict, one.Violation = Denied, Violation{Error: err, Reason: reason}
	j.report(one)
}
