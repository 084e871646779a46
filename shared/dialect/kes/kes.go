// Package kes is the dialect of kubernetes-external-secrets: the ExternalSecret of kubernetes-client.io/v1.
package kes

import (
	_ "embed" // the CRD
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/shared/text"
)

// Name of the dialect.
const Name = "kes"

// Dialect is that of kubernetes-external-secrets.
func Dialect() dialect.Dialect {
	return dialect.Dialect{
		Name: Name, Title: "kubernetes-external-secrets", AddToScheme: apiv1.AddToScheme,
		New: func() dialect.Installation { return &Installation{} },
	}
}

// Installation is how an installation has ExternalSecrets.
type Installation struct {
	// InstanceID is that of the syncer: it serves the objects whose controllerId equals it.
	InstanceID string
	// ControllerIDs are those that syncers serve, comma-separated; the empty one of several, as in ",a", is that of a syncer without
	// an id. Empty: not known.
	ControllerIDs string
	// Defaults are for fields that an ExternalSecret may omit.
	Defaults backend.Defaults
	// MinRefreshInterval is the least interval between refreshes.
	MinRefreshInterval time.Duration
}

// Bind implements dialect.Installation.
func (i *Installation) Bind(s *settings.Section, service dialect.Service) {
	if service == dialect.Syncer {
		s.String(&i.InstanceID, "instance-id", "", "serve only objects with this spec.controllerId", "INSTANCE_ID")
		return
	}
	s.String(&i.ControllerIDs, "controller-ids", "",
		"INSTANCE_IDs of all syncers, comma-separated, an empty one for a syncer without an id (\",team-a\"): "+
			"objects with another controllerId cause a warning",
		"CONTROLLER_IDS")
}

// Finish implements dialect.Installation.
func (i *Installation) Finish(policy settings.Policy) error {
	i.Defaults, i.MinRefreshInterval = policy.Defaults, policy.MinRefreshInterval
	return nil
}

// Kinds implements dialect.Installation.
func (i *Installation) Kinds() []dialect.Kind { return []dialect.Kind{i} }

// Stores implements dialect.Installation: an ExternalSecret refers to nothing.
func (i *Installation) Stores() []dialect.StoreKind { return nil }

// Ring identifies the set of objects that a syncer serves.
func (i *Installation) Ring() []string {
	return []string{"instance/" + i.InstanceID}
}

//go:embed kubernetes-client.io_externalsecrets.yaml
var crd []byte // a copy of that in crds/, which make generate keeps

// Type implements dialect.Kind.
func (i *Installation) Type() dialect.Type {
	return dialect.Type{Dialect: Name, GroupVersionKind: apiv1.GroupVersion.WithKind(apiv1.Kind), Resource: "externalsecrets", CRD: crd}
}

// New implements dialect.Kind.
func (i *Installation) New() dialect.Object { return &apiv1.ExternalSecret{} }

// NewList implements dialect.Kind.
func (i *Installation) NewList() dialect.List { return &apiv1.ExternalSecretList{} }

// Serves implements dialect.Kind: both ids empty also match.
func (i *Installation) Serves(object dialect.Object, _ dialect.Resolved) bool {
	es, ok := object.(*apiv1.ExternalSecret)
	if !ok {
		return false
	}
	if in, _ := normalise(es); in != nil {
		return in.spec.ControllerID == i.InstanceID
	}
	return es.Spec.ControllerID == i.InstanceID
}

// References implements dialect.Kind.
func (i *Installation) References(dialect.Object, dialect.Resolved) []dialect.Reference { return nil }

// Plan implements dialect.Kind. It repeats what the CRD's schema demands, since an older schema may have let the object pass.
func (i *Installation) Plan(object dialect.Object, _ dialect.Resolved) (*plan.Plan, field.ErrorList) {
	es, ok := object.(*apiv1.ExternalSecret)
	if !ok {
		return nil, field.ErrorList{field.InternalError(nil, fmt.Errorf("%T is no ExternalSecret", object))}
	}
	return i.parse(es)
}

// Status implements dialect.Kind.
func (i *Installation) Status(object dialect.Object) dialect.Status {
	es, ok := object.(*apiv1.ExternalSecret)
	if !ok {
		es = &apiv1.ExternalSecret{}
	}
	return &es.Status
}

// Deprecations implements dialect.Converter.
func (i *Installation) Deprecations() dialect.Deprecations {
	return dialect.Deprecations{
		Moves: []dialect.Move{
			{From: dialect.Path{"secretDescriptor"}, To: dialect.Path{"spec"}, Form: dialect.Map},
			{From: dialect.Path{"spec", "type"}, To: dialect.Path{"spec", "template", "type"}, Form: dialect.Text},
			{From: dialect.Path{"spec", "properties"}, To: dialect.Path{"spec", "data"}, Form: dialect.Items},
		},
		Spellings: []dialect.Spelling{{
			At:  dialect.Path{"spec", "backendType"},
			Old: string(apiv1.BackendDeprecatedSecretMgr), New: string(backend.AWSSecretsManager),
		}},
	}
}

// Words implements dialect.Kind.
func (i *Installation) Words() *plan.Words { return &words }

var words = plan.Words{
	Kind: apiv1.Kind, Spec: "spec", Type: "spec.template.type", Paused: "spec.suspend is true: nothing is read or written",
	Property: "property", Binary: "isBinary", NotBinary: "remove isBinary", Plain: "use data, with a name, for plain values",
	Misnamed: "use data to give it another",
	Adoption: "spec.adoptExisting",
	Rename:   "rename this ExternalSecret",
	Adopt: "to take it over set spec.adoptExisting, and on the namespace the annotation " +
		names.AnnotationPermitAdopt + `: "true"`,
	OtherController: "if kubernetes-external-secrets still runs, scale it to zero, " +
		"or give each of the two its own objects by INSTANCE_ID and spec.controllerId",
	Terms: map[plan.Term]string{
		plan.TermBackend: "backendType", plan.TermEngine1: "kvVersion: 1", plan.TermEngine2: "kvVersion: 2",
		plan.TermInterval: "refreshInterval", plan.TermRecursive: "recursive: true",
	},
}

// unserved warns of an object that no syncer serves, as far as the ids of the syncers are known.
func (i *Installation) unserved(id string) []string {
	if i.ControllerIDs == "" {
		return nil
	}
	ids := strings.Split(strings.ReplaceAll(i.ControllerIDs, " ", ""), ",")
	if slices.Contains(ids, id) {
		return nil
	}
	what := "not set"
	if id != "" {
		what = strconv.Quote(text.Cut(id, maxShown))
	}
	for n, one := range ids {
		ids[n] = strconv.Quote(one)
	}
	return []string{fmt.Sprintf("spec.controllerId is %s, which no syncer serves, so that the object is never synced: write one of %s, "+
		"or add it to CONTROLLER_IDS", what, strings.Join(ids, ", "))}
}

// maxShown bounds what a message repeats of an object, in characters.
const maxShown = 200
