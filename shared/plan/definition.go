package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/api/secretsmanager/v1alpha1"
	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
)

// Definitions is where all SecretDefinitions read, and as whom: the installation says so, not the
// objects. The zero value is Vault, with a KV engine of version 2.
type Definitions struct {
	Scope     Scope
	KVVersion int32 // Vault: 1 or 2
}

// FromDefinition understands a SecretDefinition, or lists everything that is wrong with it, as From
// does for an ExternalSecret.
func FromDefinition(d *v1alpha1.SecretDefinition, where Definitions) (*Plan, field.ErrorList) {
	p, errs := ExamineDefinition(d, where)
	if len(errs) > 0 {
		return nil, errs
	}
	return p, nil
}

// ExamineDefinition is FromDefinition for those who only report: see Examine.
func ExamineDefinition(d *v1alpha1.SecretDefinition, where Definitions) (*Plan, field.ErrorList) {
	b := &builder{plan: &Plan{
		Object:         types.NamespacedName{Namespace: d.Namespace, Name: d.Name},
		Kind:           v1alpha1.GroupVersion.WithKind(v1alpha1.Kind),
		Secret:         d.Spec.Name,
		UID:            d.UID,
		Generation:     d.Generation,
		Scope:          where.Scope,
		ScopeIsFixed:   true,
		ForceSync:      d.Annotations[apiv1.AnnotationForceSync],
		DeletionPolicy: apiv1.DeletionDelete,
		Template: Template{
			Labels:      inherited(d.Labels),
			Annotations: inherited(d.Annotations),
			Stamp:       Stamp{Annotation: v1alpha1.AnnotationLastUpdate, Format: v1alpha1.LastUpdateFormat},
		},
	}}
	if b.plan.Scope.Backend == "" {
		b.plan.Scope.Backend = apiv1.BackendVault
	}
	b.plan.Template.Labels[v1alpha1.LabelManagedBy] = v1alpha1.ManagedBy
	b.secretOf(d)
	b.keysMap(d.Spec.KeysMap, where.KVVersion)
	b.boundWarnings()
	return b.plan, b.errs
}

func (b *builder) secretOf(d *v1alpha1.SecretDefinition) {
	at := field.NewPath("spec")
	if d.Spec.Name == "" {
		b.fail(field.Required(at.Child("name"), "the name of the Secret"))
	} else {
		for _, problem := range validation.IsDNS1123Subdomain(d.Spec.Name) {
			b.fail(field.Invalid(at.Child("name"), d.Spec.Name, problem))
		}
	}
	b.plan.Template.Type = or(d.Spec.Type, DefaultSecretType)
	if why, forbidden := forbiddenTypes[d.Spec.Type]; forbidden {
		b.fail(field.Forbidden(at.Child("type"), fmt.Sprintf(
			"a Secret of type %s may not be made from a SecretDefinition: %s", d.Spec.Type, why)))
	}
}

// keysMap lists the reads by the names of their entries, so that the same object makes the same Plan.
func (b *builder) keysMap(sources map[string]v1alpha1.DataSource, kvVersion int32) {
	at := field.NewPath("spec", "keysMap")
	switch {
	case len(sources) == 0:
		b.fail(field.Required(at, "at least one entry is needed"))
	case len(sources) > maxEntries:
		b.fail(field.TooMany(at, len(sources), maxEntries))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		source, at := sources[name], at.Key(name)
		for _, problem := range validation.IsConfigMapKey(name) {
			b.fail(field.Invalid(at, name, problem))
		}
		e := Entry{Field: at.String(), KeyField: at.Child("path").String(), Name: name, Read: Read{Key: source.Path}}
		b.short(at.Child("key"), source.Key, maxProperty)
		switch source.Encoding {
		case "", v1alpha1.EncodingText:
		case v1alpha1.EncodingBase64:
			e.Binary = true
		default:
			b.fail(field.NotSupported(at.Child("encoding"), source.Encoding,
				[]v1alpha1.Encoding{v1alpha1.EncodingText, v1alpha1.EncodingBase64}))
		}
		if b.plan.Scope.Backend == apiv1.BackendVault {
			e.Property, e.Read.KVVersion = or(source.Key, "data"), kvVersion
			if kvVersion == 0 {
				e.Read.KVVersion = 2
			}
		} else if source.Key != "" {
			b.warn("%s has no meaning for Azure Key Vault, whose secrets have no keys, and is ignored: remove it", at.Child("key"))
		}
		b.entry(e, at.Child("path"))
	}
}

// trackers end the prefixes of keys by which GitOps tools (Argo CD, Flux, Helm, kapp, Fleet, Config Sync) know
// what they manage. On a Secret they would claim what no manifest holds, and a tool might prune it.
var trackers = []string{
	"argoproj.io", "fluxcd.io", "helm.sh", "k14s.io", "cattle.io", "configsync.gke.io", "configmanagement.gke.io", "config.k8s.io",
}

// inherited are the labels or annotations of an object that its Secret gets, too.
func inherited(all map[string]string) map[string]string {
	kept := make(map[string]string, len(all)+1)
	for key, value := range all {
		if !ownBusiness(key) {
			kept[key] = value
		}
	}
	return kept
}

// ownBusiness tells keys that mean something about the object itself.
func ownBusiness(key string) bool {
	switch key {
	case "kubectl.kubernetes.io/last-applied-configuration", v1alpha1.AnnotationLastUpdate,
		v1alpha1.LabelManagedBy, "app.kubernetes.io/instance": // the latter is Argo CD's, unless it is told otherwise
		return true
	}
	prefix, _, _ := strings.Cut(key, "/")
	return strings.HasPrefix(key, apiv1.ReservedPrefix) || slices.ContainsFunc(trackers, func(tracker string) bool {
		return strings.HasSuffix(prefix, tracker)
	})
}
