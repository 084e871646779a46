// Package policy judges a Plan by the annotations of its namespace. The webhook and the syncer call
// the same functions, so that what one lets pass the other does not refuse.
package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
)

// Settings are the installation's choices. The zero value judges by the documented annotations and
// permits what no annotation limits.
type Settings struct {
	RoleAnnotation    string // empty: apiv1.AnnotationPermittedRole
	KeyNameAnnotation string // empty: apiv1.AnnotationPermittedKeyName
	Enforce           bool   // a missing annotation denies
	Legacy            bool   // match unanchored, and let an empty annotation permit everything, as KES did
	// ControllerIDs are those that syncers serve, comma-separated; the empty one of several, as in ",a", is that of a syncer without
	// an id. Empty: not known.
	ControllerIDs string
}

// Namespace is what policy needs to know of one.
type Namespace struct {
	Name        string
	Annotations map[string]string
}

// Violation is one thing that the namespace does not permit.
type Violation struct {
	*field.Error
	// Reason is KES's wording of it, which people search their logs for. It is empty for what KES
	// did not judge.
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

// Check judges everything that a plan reads, and as whom.
func Check(p *plan.Plan, ns Namespace, s Settings) Violations {
	j := &judge{namespace: ns, settings: s}
	j.role(p)
	for _, e := range p.Entries {
		j.key(e.KeyField, e.Read.Key, e.Read.Path)
	}
	j.reach(p)
	j.required(p)
	return j.violations
}

// CheckWalked judges the names that a walk along an entry's path returned.
func CheckWalked(e plan.Entry, names []string, ns Namespace, s Settings) Violations {
	j := &judge{namespace: ns, settings: s}
	for _, name := range names {
		j.key(e.KeyField, name, false)
	}
	return j.violations
}

// Warnings are what the namespace makes of a plan that it permits, though not as its author meant. Each begins with a path.
func Warnings(p *plan.Plan, ns Namespace) []string {
	if !p.AdoptExisting || AdoptPermitted(ns) {
		return nil
	}
	return []string{fmt.Sprintf(`spec.adoptExisting is not honoured: namespace %s lacks annotation %s: "true"`,
		ns.Name, apiv1.AnnotationPermitAdopt)}
}

// Unserved are warnings about a plan that no syncer serves, as far as the ids of the syncers are known. Each begins with a path.
func Unserved(p *plan.Plan, s Settings) []string {
	if s.ControllerIDs == "" || p.ScopeIsFixed {
		return nil
	}
	ids := strings.Split(strings.ReplaceAll(s.ControllerIDs, " ", ""), ",")
	if slices.Contains(ids, p.ControllerID) {
		return nil
	}
	what := strconv.Quote(first(maxValue, p.ControllerID))
	if p.ControllerID == "" {
		what = "not set"
	}
	for i, id := range ids {
		ids[i] = strconv.Quote(id)
	}
	return []string{fmt.Sprintf("spec.controllerId is %s, which no syncer serves, so that the object is never synced: write one of %s, "+
		"or add it to CONTROLLER_IDS", what, strings.Join(ids, ", "))}
}

// AdoptPermitted tells whether a namespace lets its objects take over Secrets that they did not make.
func AdoptPermitted(ns Namespace) bool {
	return ns.Annotations[apiv1.AnnotationPermitAdopt] == "true"
}

type judge struct {
	namespace  Namespace
	settings   Settings
	compiled   map[string]*patterns
	violations Violations
}

func (j *judge) role(p *plan.Plan) {
	id := p.Scope.Identity
	at, role := place(p, roleField(p.Scope.Backend)), id.RoleARN
	if p.Scope.Backend == apiv1.BackendVault {
		role = id.VaultRole
	}
	if role == "" {
		if at != "" && j.namespace.Annotations[apiv1.AnnotationRequireRole] == "true" {
			j.deny(field.Required(field.NewPath(at), fmt.Sprintf(
				"namespace %q demands a role (annotation %s): without one the syncer's own identity would read",
				j.namespace.Name, apiv1.AnnotationRequireRole)), "")
		}
		return
	}
	j.match(at, role, j.settings.roleAnnotation(), func(string) string {
		return "namespace does not allow to assume role " + first(maxValue, role)
	})
}

func (j *judge) key(at, key string, path bool) {
	what := "key name"
	if path {
		what = "path"
	}
	j.match(at, key, j.settings.keyNameAnnotation(), func(convention string) string {
		return fmt.Sprintf("%s %s does not match naming convention %s", what, first(maxValue, key), convention)
	})
}

// reach judges the other fields that widen an object's authority. A value that neither the object
// nor the installation names cannot be judged, which denies.
func (j *judge) reach(p *plan.Plan) {
	if !p.ScopeIsFixed { // else no field chooses the syncer
		j.match("spec.controllerId", p.ControllerID, apiv1.AnnotationPermittedControllerID, nil)
	}
	switch s := p.Scope; s.Backend {
	case apiv1.BackendAWSSecretsManager, apiv1.BackendAWSParameterStore:
		j.match(place(p, "spec.region"), s.Region, apiv1.AnnotationPermittedRegion, nil)
	case apiv1.BackendVault:
		j.match(place(p, "spec.vaultMountPoint"), s.Identity.VaultMount, apiv1.AnnotationPermittedVaultMount, nil)
	case apiv1.BackendAzureKeyVault:
		j.match(place(p, "spec.keyVaultName"), s.KeyVault, apiv1.AnnotationPermittedKeyVault, nil)
	case apiv1.BackendGCPSecretManager:
		j.match(place(p, "spec.projectId"), s.Project, apiv1.AnnotationPermittedProject, nil)
	}
}

// place is where a message points: at the field, or at the whole spec of an object that has no such field.
func place(p *plan.Plan, at string) string {
	if at != "" && p.ScopeIsFixed {
		return "spec"
	}
	return at
}

// required denies, where annotations are enforced, what no annotation limits: keys always, roles
// where the object has one.
func (j *judge) required(p *plan.Plan) {
	if !j.settings.Enforce {
		return
	}
	wanted := []string{j.settings.keyNameAnnotation()}
	if id := p.Scope.Identity; id.RoleARN != "" || id.VaultRole != "" {
		wanted = append(wanted, j.settings.roleAnnotation())
	}
	for _, annotation := range wanted {
		if _, present := j.namespace.Annotations[annotation]; !present {
			reason := fmt.Sprintf("Missing required annotation %s on namespace %s", annotation, j.namespace.Name)
			j.deny(field.Forbidden(field.NewPath("metadata", "namespace"), reason), reason)
		}
	}
}

// match judges one value by one annotation. An absent annotation permits. reason words a violation
// as KES did, given the annotation's text; it is nil for what KES did not judge.
func (j *judge) match(at, value, annotation string, reason func(text string) string) {
	text, present := j.namespace.Annotations[annotation]
	if !present {
		return
	}
	allowed, seen := j.compiled[annotation]
	if !seen {
		allowed = compile(text, j.settings.Legacy)
		if j.compiled == nil {
			j.compiled = map[string]*patterns{}
		}
		j.compiled[annotation] = allowed
	}
	matched, why := allowed.match(value)
	if matched {
		return
	}
	subject := fmt.Sprintf("%q is not permitted", first(maxValue, value))
	if value == "" {
		subject = "a value that is not set is not permitted"
	}
	words := ""
	if reason != nil {
		words = reason(cut(strings.TrimSpace(text)))
	}
	j.deny(field.Forbidden(field.NewPath(at), fmt.Sprintf("%s in namespace %q: annotation %s %s",
		subject, j.namespace.Name, annotation, why)), words)
}

func (j *judge) deny(err *field.Error, reason string) {
	j.violations = append(j.violations, Violation{Error: err, Reason: reason})
}

func (s Settings) roleAnnotation() string {
	if s.RoleAnnotation != "" {
		return s.RoleAnnotation
	}
	return apiv1.AnnotationPermittedRole
}

func (s Settings) keyNameAnnotation() string {
	if s.KeyNameAnnotation != "" {
		return s.KeyNameAnnotation
	}
	return apiv1.AnnotationPermittedKeyName
}

// PatternAnnotations lists the annotations of a namespace whose values are patterns.
func (s Settings) PatternAnnotations() []string {
	return []string{
		s.roleAnnotation(), s.keyNameAnnotation(), apiv1.AnnotationPermittedRegion, apiv1.AnnotationPermittedVaultMount,
		apiv1.AnnotationPermittedKeyVault, apiv1.AnnotationPermittedProject, apiv1.AnnotationPermittedControllerID,
	}
}

// roleField names the field that holds a backend's role; it is empty where there are no roles.
func roleField(b apiv1.Backend) string {
	switch b {
	case apiv1.BackendAWSSecretsManager, apiv1.BackendAWSParameterStore, apiv1.BackendAlicloudKMS:
		return "spec.roleArn"
	case apiv1.BackendVault:
		return "spec.vaultRole"
	default:
		return ""
	}
}
