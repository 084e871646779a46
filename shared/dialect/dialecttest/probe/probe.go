// Package probe is a dialect of tests alone: its objects read Vault through stores, which are objects, too. It shows that what serves
// dialects serves stores, and is a model for dialects that have some.
package probe

import (
	"cmp"
	_ "embed" // the CRDs
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	v1 "github.com/secretgate/secretgate/shared/dialect/dialecttest/probe/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/settings"
)

// Name of the dialect.
const Name = "probe"

// Dialect is that of Probes.
func Dialect() dialect.Dialect {
	return dialect.Dialect{
		Name: Name, Title: "probes", AddToScheme: v1.AddToScheme,
		New: func() dialect.Installation { return &installation{} },
	}
}

// installation is how an installation has Probes, and their Kind.
type installation struct{ least time.Duration }

func (i *installation) Bind(*settings.Section, dialect.Service) {}

func (i *installation) Finish(policy settings.Policy) error {
	i.least = policy.MinRefreshInterval
	return nil
}

func (i *installation) Kinds() []dialect.Kind { return []dialect.Kind{i} }
func (i *installation) Stores() []dialect.StoreKind {
	return []dialect.StoreKind{stores{}, clusterStores{}, accounts{}}
}
func (i *installation) Ring() []string { return nil }

// older are versions that the API had, with the same fields.
var older = []string{"v1beta1"}

//go:embed probe.secretgate.io_probes.yaml
var crd []byte

func (i *installation) Type() dialect.Type {
	return dialect.Type{
		Dialect: Name, GroupVersionKind: v1.GroupVersion.WithKind(v1.Kind), Resource: "probes", Versions: older, CRD: crd,
	}
}

func (i *installation) New() dialect.Object                          { return &v1.Probe{} }
func (i *installation) NewList() dialect.List                        { return &v1.ProbeList{} }
func (i *installation) Serves(dialect.Object, dialect.Resolved) bool { return true }

// Secret implements dialect.Namer.
func (i *installation) Secret(object dialect.Object) string {
	if o, ok := object.(*v1.Probe); ok {
		return cmp.Or(o.Spec.Target, o.Name)
	}
	return ""
}

func (i *installation) References(object dialect.Object, resolved dialect.Resolved) []dialect.Reference {
	o, ok := object.(*v1.Probe)
	if !ok {
		return nil
	}
	var all []dialect.Reference
	add := func(r dialect.Reference) {
		if !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	for n := range o.Spec.Entries {
		at, ref := place(o, n)
		r, err := reference(o, at, ref)
		if err != nil {
			continue
		}
		add(r)
		if s, known := storeOf(resolved[r], o.Namespace); known {
			for _, further := range s.references() {
				add(further)
			}
		}
	}
	return all
}

func (i *installation) Plan(object dialect.Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList) {
	o, ok := object.(*v1.Probe)
	if !ok {
		return nil, field.ErrorList{field.InternalError(nil, fmt.Errorf("%T is no Probe", object))}
	}
	return parse(o, resolved, i.least)
}

func (i *installation) Status(object dialect.Object) dialect.Status {
	o, ok := object.(*v1.Probe)
	if !ok {
		o = &v1.Probe{}
	}
	return &o.Status
}

func (i *installation) Words() *plan.Words { return &words }

var words = plan.Words{
	Kind: v1.Kind, Spec: "spec", Type: "spec",
	Property: "property", Binary: "encoding", NotBinary: "write plain text", Plain: "name one of its members by property",
	Rename: "set another spec.target", Adopt: "delete it, or set another spec.target", OtherController: "stop what else makes it",
	Terms: map[plan.Term]string{
		plan.TermBackend: "the store", plan.TermEngine1: "an engine of version 1", plan.TermEngine2: "an engine of version 2",
		plan.TermInterval: "refreshInterval", plan.TermRecursive: "one entry for each key",
	},
}
