// Package tuenti is the dialect of tuenti's secrets-manager: the SecretDefinition of secrets-manager.tuenti.io/v1alpha1.
package tuenti

import (
	_ "embed" // the CRD
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/tuenti/v1alpha1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/settings"
)

// Name of the dialect.
const Name = "tuenti"

// Dialect is that of secrets-manager.
func Dialect() dialect.Dialect {
	return dialect.Dialect{
		Name: Name, Title: "secret definitions", AddToScheme: v1alpha1.AddToScheme,
		Switch: "secret-definitions", SwitchEnv: "SECRET_DEFINITIONS",
		New: func() dialect.Installation { return &Installation{} },
	}
}

// Where is where all SecretDefinitions are read, and as whom: the installation says so, not the
// objects. The zero value is Vault, with a KV engine of version 2.
type Where struct {
	Store         plan.Store
	EngineVersion int32 // Vault: 1 or 2
}

// Installation is how an installation has SecretDefinitions.
type Installation struct {
	Where    Where
	Watched  []string // namespaces; empty: all that the syncer watches
	Excluded []string // namespaces that are not served, though they be watched

	where             where
	watched, excluded string
}

// Bind implements dialect.Installation.
func (i *Installation) Bind(s *settings.Section, service dialect.Service) {
	i.where.bind(s)
	if service == dialect.Syncer {
		s.String(&i.watched, "watch-namespaces", "", "namespaces to serve, comma-separated, of those that the syncer watches; empty: all of them")
		s.String(&i.excluded, "exclude-namespaces", "",
			"namespaces that are not served, comma-separated; takes precedence over --watch-namespaces")
	}
}

// Finish implements dialect.Installation.
func (i *Installation) Finish(settings.Policy) (err error) {
	i.Where, err = i.where.finish()
	i.Watched, i.Excluded = settings.List(i.watched), settings.List(i.excluded)
	return err
}

// AppRolePath is the mount of Vault's AppRole auth method.
func (i *Installation) AppRolePath() string { return i.where.appRolePath }

// Kinds implements dialect.Installation.
func (i *Installation) Kinds() []dialect.Kind { return []dialect.Kind{i} }

// Stores implements dialect.Installation: a SecretDefinition refers to nothing.
func (i *Installation) Stores() []dialect.StoreKind { return nil }

// Ring identifies the set of objects that a syncer serves.
func (i *Installation) Ring() []string {
	var ring []string
	for _, namespace := range i.Watched {
		ring = append(ring, "watched/"+namespace)
	}
	for _, namespace := range i.Excluded {
		ring = append(ring, "excluded/"+namespace)
	}
	return ring
}

//go:embed secrets-manager.tuenti.io_secretdefinitions.yaml
var crd []byte // a copy of that in crds/, which make generate keeps

// Type implements dialect.Kind.
func (i *Installation) Type() dialect.Type {
	kind := v1alpha1.GroupVersion.WithKind(v1alpha1.Kind)
	return dialect.Type{Dialect: Name, GroupVersionKind: kind, Resource: "secretdefinitions", CRD: crd}
}

// New implements dialect.Kind.
func (i *Installation) New() dialect.Object { return &v1alpha1.SecretDefinition{} }

// NewList implements dialect.Kind.
func (i *Installation) NewList() dialect.List { return &v1alpha1.SecretDefinitionList{} }

// Serves implements dialect.Kind.
func (i *Installation) Serves(object dialect.Object, _ dialect.Resolved) bool {
	return i.ServesIn(object.GetNamespace())
}

// ServesIn implements dialect.NamespaceSelector. Exclusion wins.
func (i *Installation) ServesIn(namespace string) bool {
	return !slices.Contains(i.Excluded, namespace) && (len(i.Watched) == 0 || slices.Contains(i.Watched, namespace))
}

// Namespaces implements dialect.NamespaceSelector.
func (i *Installation) Namespaces() []string { return i.Watched }

// Pace implements dialect.Paced.
func (i *Installation) Pace() (flag string, fallback time.Duration) {
	return "reconcile-period", 5 * time.Second
}

// UsesMetadata implements dialect.MetadataUser: the Secret gets the object's labels and annotations, too.
func (i *Installation) UsesMetadata() {}

// Secret implements dialect.Namer.
func (i *Installation) Secret(object dialect.Object) string {
	if d, ok := object.(*v1alpha1.SecretDefinition); ok {
		return d.Spec.Name
	}
	return ""
}

// References implements dialect.Kind.
func (i *Installation) References(dialect.Object, dialect.Resolved) []dialect.Reference { return nil }

// Plan implements dialect.Kind.
func (i *Installation) Plan(object dialect.Object, _ dialect.Resolved) (*plan.Plan, field.ErrorList) {
	d, ok := object.(*v1alpha1.SecretDefinition)
	if !ok {
		return nil, field.ErrorList{field.InternalError(nil, fmt.Errorf("%T is no SecretDefinition", object))}
	}
	return i.Where.parse(d)
}

// Status implements dialect.Kind.
func (i *Installation) Status(object dialect.Object) dialect.Status {
	d, ok := object.(*v1alpha1.SecretDefinition)
	if !ok {
		d = &v1alpha1.SecretDefinition{}
	}
	return &d.Status
}

// Words implements dialect.Kind.
func (i *Installation) Words() *plan.Words { return &words }

var words = plan.Words{
	Kind: v1alpha1.Kind, Spec: "spec", Type: "spec.type",
	Property: "key", Binary: "encoding", NotBinary: "write encoding: text", Plain: "name one of its keys",
	Rename: "set another spec.name", Adopt: "delete it, or set another spec.name",
	OtherController: "if tuenti's secrets-manager still runs, scale it to zero, " +
		"or give each of the two its own namespaces by --watch-namespaces and --exclude-namespaces",
	Terms: map[plan.Term]string{
		plan.TermBackend: "--backend", plan.TermEngine1: "--vault.engine=kv1", plan.TermEngine2: "--vault.engine=kv2",
		plan.TermInterval: "--reconcile-period", plan.TermRecursive: "",
		plan.TermRole: "--vault.kubernetes-role", plan.TermMount: "--vault.kubernetes-path", plan.TermContainer: "--azure-kv.name",
	},
}
