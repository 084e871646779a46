// Package eso is the dialect of External Secrets Operator: the ExternalSecret, SecretStore and ClusterSecretStore of external-secrets.io.
package eso

import (
	_ "embed" // the CRD
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/shared/dialect/eso/v1beta1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/settings"
)

// Name of the dialect.
const Name = "eso"

// Dialect is that of External Secrets Operator.
func Dialect() dialect.Dialect {
	return dialect.Dialect{
		Name: Name, Title: "External Secrets Operator", AddToScheme: v1.AddToScheme,
		New: func() dialect.Installation { return &Installation{} },
	}
}

// Installation is how an installation has ExternalSecrets.
type Installation struct {
	// Class is the spec.controller of the stores that the syncer serves. ServeDefault: it serves those without one, too, which External
	// Secrets Operator serves by default.
	Class        string
	ServeDefault bool
	// Defaults are for fields that a store may omit.
	Defaults backend.Defaults
	// MinRefreshInterval is the least interval between refreshes.
	MinRefreshInterval time.Duration
}

// Bind implements dialect.Installation.
func (i *Installation) Bind(s *settings.Section, _ dialect.Service) {
	s.String(&i.Class, "eso-controller-class", "secretgate",
		"spec.controller of the stores to serve; External Secrets Operator leaves them and their ExternalSecrets alone", "ESO_CONTROLLER_CLASS")
	s.Bool(&i.ServeDefault, "eso-serve-default", false,
		"serve the stores without spec.controller, too, or with \"default\": External Secrets Operator must not run beside it",
		"ESO_SERVE_DEFAULT")
}

// Finish implements dialect.Installation.
func (i *Installation) Finish(policy settings.Policy) error {
	i.Defaults, i.MinRefreshInterval = policy.Defaults, policy.MinRefreshInterval
	if i.Class == "" || i.Class == defaultClass {
		return errors.New("--eso-controller-class (ESO_CONTROLLER_CLASS) must be a name of its own: " +
			"for the stores that External Secrets Operator serves by default, set --eso-serve-default")
	}
	return nil
}

// defaultClass is that of an External Secrets Operator without a flag.
const defaultClass = "default"

// serves reports whether the syncer serves a store.
func (i *Installation) serves(spec *v1.StoreSpec) bool {
	return spec.Controller == i.Class || i.ServeDefault && (spec.Controller == "" || spec.Controller == defaultClass)
}

// Kinds implements dialect.Installation.
func (i *Installation) Kinds() []dialect.Kind { return []dialect.Kind{i} }

// Stores implements dialect.Installation.
func (i *Installation) Stores() []dialect.StoreKind {
	return []dialect.StoreKind{&stores{i}, &clusterStores{i}, accounts{}, configMaps{}}
}

// Ring implements dialect.Installation.
func (i *Installation) Ring() []string {
	return []string{"class/" + i.Class, fmt.Sprintf("default/%t", i.ServeDefault)}
}

// Pace implements dialect.Paced.
func (i *Installation) Pace() (flag string, fallback time.Duration) {
	return "eso-refresh-interval", time.Hour
}

//go:embed external-secrets.io_externalsecrets.yaml
var crd []byte // a copy of that in crds/eso, which make generate keeps

// Type implements dialect.Kind.
func (i *Installation) Type() dialect.Type {
	return dialect.Type{
		Dialect: Name, GroupVersionKind: v1.GroupVersion.WithKind(v1.Kind), Resource: "externalsecrets", CRD: crd,
		Versions: []string{v1beta1.Version},
	}
}

// New implements dialect.Kind.
func (i *Installation) New() dialect.Object { return &v1.ExternalSecret{} }

// NewList implements dialect.Kind.
func (i *Installation) NewList() dialect.List { return &v1.ExternalSecretList{} }

// Serves implements dialect.Kind: all stores of an object must be this syncer's. Where one is External Secrets Operator's, it leaves the
// object alone itself unless all are.
func (i *Installation) Serves(object dialect.Object, resolved dialect.Resolved) bool {
	es, ok := object.(*v1.ExternalSecret)
	if !ok {
		return false
	}
	refs := storesOf(es)
	for _, r := range refs {
		spec, found := specOf(resolved, r.Reference)
		if found && !i.serves(spec) || !found && !i.ServeDefault {
			return false
		}
	}
	return len(refs) > 0
}

// ForceSync implements dialect.Forcer: a change of any label or annotation has an object read at once, as External Secrets Operator does.
func (i *Installation) ForceSync(object dialect.Object) string {
	if _, ok := object.(*v1.ExternalSecret); !ok {
		return ""
	}
	return v1.Version(object)
}

// EventReasons implements dialect.EventNamer: they are External Secrets Operator's.
func (i *Installation) EventReasons() map[dialect.Event]string {
	return map[dialect.Event]string{
		dialect.EventFailed: "UpdateFailed", dialect.EventCreated: "Created", dialect.EventUpdated: "Updated", dialect.EventDeleted: "Deleted",
		dialect.EventMissing: "MissingProviderSecret",
	}
}

// UsesMetadata implements dialect.MetadataUser: the Secret gets the object's labels and annotations, too.
func (i *Installation) UsesMetadata() {}

// Secret implements dialect.Namer.
func (i *Installation) Secret(object dialect.Object) string {
	es, ok := object.(*v1.ExternalSecret)
	if !ok {
		return ""
	}
	if es.Spec.Target.Name != "" {
		return es.Spec.Target.Name
	}
	return es.Name
}

// Plan implements dialect.Kind. It repeats what the CRD's schema demands, since External Secrets Operator's may be installed.
func (i *Installation) Plan(object dialect.Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList) {
	es, ok := object.(*v1.ExternalSecret)
	if !ok {
		return nil, field.ErrorList{field.InternalError(nil, fmt.Errorf("%T is no ExternalSecret", object))}
	}
	return i.parse(es, resolved)
}

// Status implements dialect.Kind.
func (i *Installation) Status(object dialect.Object) dialect.Status {
	es, ok := object.(*v1.ExternalSecret)
	if !ok {
		es = &v1.ExternalSecret{}
	}
	return &es.Status
}

// Words implements dialect.Kind.
func (i *Installation) Words() *plan.Words { return &words }

var words = plan.Words{
	Kind: v1.Kind, Spec: "spec", Type: "spec.target.template.type",
	Property: "property", Binary: "decodingStrategy", NotBinary: "set decodingStrategy: None",
	Plain:   "use data, with a secretKey, for plain values",
	Sharing: "spec.target.creationPolicy",
	Rename:  "set another spec.target.name",
	Adopt: "to take it over set on the namespace the annotation " + names.AnnotationPermitAdopt +
		`: "true"; or set another spec.target.name`,
	OtherController: "if External Secrets Operator serves its store, too, set spec.controller of the store",
	Terms: map[plan.Term]string{
		plan.TermBackend: "the store's provider", plan.TermEngine1: "version: v1 of the store", plan.TermEngine2: "version: v2 of the store",
		plan.TermInterval: "refreshInterval", plan.TermRecursive: "find",
	},
}
