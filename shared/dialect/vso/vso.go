// Package vso is the dialect of Vault Secrets Operator: the VaultStaticSecret of secrets.hashicorp.com, and what it refers to. It is made
// by HashiCorp's documents.
package vso

import (
	_ "embed" // the CRD
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/settings"
)

// Name of the dialect.
const Name = "vso"

// Dialect is that of Vault Secrets Operator.
func Dialect() dialect.Dialect {
	return dialect.Dialect{
		Name: Name, Title: "Vault Secrets Operator", AddToScheme: v1beta1.AddToScheme,
		New: func() dialect.Installation { return &Installation{} },
	}
}

// Installation is how an installation has VaultStaticSecrets.
type Installation struct {
	// Serve: the syncer makes Secrets of them. Else Vault Secrets Operator does, and they are judged alone.
	Serve bool
	// OperatorNamespace has the objects that are meant where none is named.
	OperatorNamespace string
	// ExcludeRaw: no Secret has the entry _raw.
	ExcludeRaw bool
	// Restarts: workloads that objects name are restarted.
	Restarts bool
	// MinRefreshInterval is the least interval between refreshes.
	MinRefreshInterval time.Duration
}

// Bind implements dialect.Installation.
func (i *Installation) Bind(s *settings.Section, _ dialect.Service) {
	s.Bool(&i.Serve, "vso-serve", true,
		"serve VaultStaticSecrets; false: judge them alone, while Vault Secrets Operator syncs them", "VSO_SERVE")
	s.String(&i.OperatorNamespace, "vso-operator-namespace", "secretgate",
		"namespace of the VaultAuth, the VaultConnection and the VaultAuthGlobal that are called default and meant where none is named; "+
			"its objects may use each VaultAuth", "VSO_OPERATOR_NAMESPACE")
	s.Bool(&i.ExcludeRaw, "vso-exclude-raw", false,
		"make no entry _raw, with the whole answer of Vault, in any Secret", "VSO_EXCLUDE_RAW")
	s.Bool(&i.Restarts, "vso-restarts", false,
		"syncer restart runs, which restarts the workloads of rolloutRestartTargets: no warning is given that nothing does", "RESTARTS")
}

// Finish implements dialect.Installation.
func (i *Installation) Finish(policy settings.Policy) error {
	i.MinRefreshInterval = policy.MinRefreshInterval
	for _, problem := range validation.IsDNS1123Label(i.OperatorNamespace) {
		return fmt.Errorf("--vso-operator-namespace (VSO_OPERATOR_NAMESPACE) is %q: must be the name of a namespace: %s",
			i.OperatorNamespace, problem)
	}
	return nil
}

// Kinds implements dialect.Installation.
func (i *Installation) Kinds() []dialect.Kind { return []dialect.Kind{i} }

// Stores implements dialect.Installation.
func (i *Installation) Stores() []dialect.StoreKind {
	own := store{i}
	return []dialect.StoreKind{&auths{own}, &connections{own}, &globals{own}, &transformations{own}}
}

// Ring implements dialect.Installation.
func (i *Installation) Ring() []string { return []string{fmt.Sprintf("serve/%t", i.Serve)} }

//go:embed secrets.hashicorp.com_vaultstaticsecrets.yaml
var crd []byte // a copy of that in crds/vso, which make generate keeps

// Type implements dialect.Kind.
func (i *Installation) Type() dialect.Type {
	return dialect.Type{
		Dialect: Name, GroupVersionKind: v1beta1.GroupVersion.WithKind(v1beta1.Kind), Resource: "vaultstaticsecrets", CRD: crd,
	}
}

// New implements dialect.Kind.
func (i *Installation) New() dialect.Object { return &v1beta1.VaultStaticSecret{} }

// NewList implements dialect.Kind.
func (i *Installation) NewList() dialect.List { return &v1beta1.VaultStaticSecretList{} }

// Serves implements dialect.Kind: the API has no field that says who serves an object. So all are the syncer's, or none is.
func (i *Installation) Serves(object dialect.Object, _ dialect.Resolved) bool {
	_, ok := object.(*v1beta1.VaultStaticSecret)
	return ok && i.Serve
}

// ForceSync implements dialect.Forcer. Templates see labels and annotations: a change of these has an object with templates read at once.
func (i *Installation) ForceSync(object dialect.Object) string {
	vss, ok := object.(*v1beta1.VaultStaticSecret)
	if !ok {
		return ""
	}
	if t := &vss.Spec.Destination.Transformation; len(t.Templates)+len(t.TransformationRefs) > 0 {
		return plan.HashMetadata(vss)
	}
	return vss.Annotations[names.AnnotationForceSync]
}

// EventReasons implements dialect.EventNamer: they are Vault Secrets Operator's, as far as its documents name them.
func (i *Installation) EventReasons() map[dialect.Event]string {
	return map[dialect.Event]string{
		dialect.EventFailed: "SecretSyncError", dialect.EventRecovered: "SecretSynced", dialect.EventCreated: "SecretSynced",
		dialect.EventUpdated: "SecretSynced",
	}
}

// UsesMetadata implements dialect.MetadataUser: templates see the object's labels and annotations.
func (i *Installation) UsesMetadata() {}

// Secret implements dialect.Namer.
func (i *Installation) Secret(object dialect.Object) string {
	vss, ok := object.(*v1beta1.VaultStaticSecret)
	if !ok {
		return ""
	}
	return vss.Spec.Destination.Name
}

// RestartTargets implements dialect.Restarter.
func (i *Installation) RestartTargets(object dialect.Object) []dialect.RestartTarget {
	vss, ok := object.(*v1beta1.VaultStaticSecret)
	if !ok {
		return nil
	}
	var all []dialect.RestartTarget
	for _, target := range vss.Spec.RolloutRestartTargets {
		all = append(all, dialect.RestartTarget{Kind: strings.TrimPrefix(target.Kind, "argo."), Name: target.Name})
	}
	return all
}

// Plan implements dialect.Kind. It repeats what the CRD's schema demands, since Vault Secrets Operator's may be installed.
func (i *Installation) Plan(object dialect.Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList) {
	vss, ok := object.(*v1beta1.VaultStaticSecret)
	if !ok {
		return nil, foreign(object, v1beta1.Kind)
	}
	return i.parse(vss, resolved)
}

// foreign is the error of an object of another kind.
func foreign(object dialect.Object, kind string) field.ErrorList {
	return field.ErrorList{field.InternalError(nil, fmt.Errorf("%T is no %s", object, kind))}
}

// Status implements dialect.Kind.
func (i *Installation) Status(object dialect.Object) dialect.Status {
	vss, ok := object.(*v1beta1.VaultStaticSecret)
	if !ok {
		vss = &v1beta1.VaultStaticSecret{}
	}
	return &vss.Status
}

// Words implements dialect.Kind.
func (i *Installation) Words() *plan.Words { return &words }

var words = plan.Words{
	Kind: v1beta1.Kind, Spec: "spec", Type: "spec.destination.type",
	Property: "spec.destination.transformation.includes", Binary: "spec.destination.transformation.templates",
	NotBinary: "write a template without b64dec",
	Plain:     "keep fields at the path, as vault kv put does: their names are those of the Secret's entries",
	Misnamed:  "keep it out by spec.destination.transformation.excludes, and give it another name by a template",
	Adoption:  "spec.destination.overwrite", Sharing: "spec.destination.create",
	Rename: "set another spec.destination.name",
	Adopt: "to take it over set spec.destination.overwrite: true, and on the namespace the annotation " + names.AnnotationPermitAdopt +
		`: "true"; or set another spec.destination.name`,
	OtherController: "if Vault Secrets Operator runs, scale it to zero, or set VSO_SERVE: \"false\" here: both serve all VaultStaticSecrets",
	Terms: map[plan.Term]string{
		plan.TermBackend: "Vault", plan.TermEngine1: "spec.type: kv-v1", plan.TermEngine2: "spec.type: kv-v2",
		plan.TermInterval: "spec.refreshAfter", plan.TermRecursive: "spec.path",
	},
}
