// Package sealed is the dialect of Sealed Secrets: the SealedSecret of bitnami.com, whose values are opened by keys of the cluster and are
// in no backend.
package sealed

import (
	_ "embed" // the CRD
	"fmt"
	"net"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/sealed/v1alpha1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/settings"
)

// Name of the dialect.
const Name = "sealed"

// Dialect is that of Sealed Secrets.
func Dialect() dialect.Dialect {
	return dialect.Dialect{
		Name: Name, Title: "Sealed Secrets", AddToScheme: v1alpha1.AddToScheme,
		New: func() dialect.Installation { return &Installation{} },
	}
}

// Installation is how an installation has SealedSecrets.
type Installation struct {
	// Serve: the syncer makes Secrets of them. Else the controller of Sealed Secrets does, and they are judged alone.
	Serve bool
	// AcceptV1: a whole Secret that is sealed at once is accepted.
	AcceptV1 bool

	opener   string // host:port; empty: the webhook does not ask it
	certFile string
	lengths  []int // of ciphertexts that the keys of certificates can make, in bytes; nil: any
}

// Bind implements dialect.Installation.
func (i *Installation) Bind(s *settings.Section, service dialect.Service) {
	s.Bool(&i.Serve, "sealed-serve", true,
		"serve SealedSecrets; false: judge them alone, while the controller of Sealed Secrets syncs them", "SEALED_SERVE")
	s.Bool(&i.AcceptV1, "sealed-accept-v1-data", false,
		"accept SealedSecrets with spec.data, a whole Secret that was sealed at once by kubeseal before 0.8", "SEALED_ACCEPT_V1_DATA")
	if service == dialect.Webhook {
		s.String(&i.opener, "sealed-verify-address", "",
			"host:port at which a SealedSecret that is applied is shown to the syncer, which says whether the cluster's keys open it; "+
				"empty: it is not asked", "SEALED_VERIFY_ADDRESS")
	}
	if service == dialect.Check {
		s.String(&i.certFile, "sealed-cert", "",
			"file of PEM certificates, as kubeseal --fetch-cert prints them: a value that none of their keys can have sealed is an error")
	}
}

// Finish implements dialect.Installation.
func (i *Installation) Finish(settings.Policy) (err error) {
	if i.opener != "" {
		if host, port, err := net.SplitHostPort(i.opener); err != nil || host == "" || port == "" {
			return fmt.Errorf("--sealed-verify-address is %q: must be a host and a port, as in sealed-verify.secretgate.svc:8443", i.opener)
		}
	}
	if i.certFile == "" {
		return nil
	}
	if i.lengths, err = lengthsOf(i.certFile); err != nil {
		return fmt.Errorf("--sealed-cert: %w", err)
	}
	return nil
}

// Kinds implements dialect.Installation.
func (i *Installation) Kinds() []dialect.Kind { return []dialect.Kind{i} }

// Stores implements dialect.Installation: a SealedSecret refers to nothing.
func (i *Installation) Stores() []dialect.StoreKind { return nil }

// Ring implements dialect.Installation.
func (i *Installation) Ring() []string { return []string{fmt.Sprintf("serve/%t", i.Serve)} }

// Opener implements dialect.Sealing: where the controller of Sealed Secrets serves the objects, no syncer has keys.
func (i *Installation) Opener() string {
	if !i.Serve {
		return ""
	}
	return i.opener
}

//go:embed bitnami.com_sealedsecrets.yaml
var crd []byte // a copy of that in crds/sealed, which make generate keeps

// Type implements dialect.Kind.
func (i *Installation) Type() dialect.Type {
	return dialect.Type{
		Dialect: Name, GroupVersionKind: v1alpha1.GroupVersion.WithKind(v1alpha1.Kind), Resource: "sealedsecrets", CRD: crd,
	}
}

// New implements dialect.Kind.
func (i *Installation) New() dialect.Object { return &v1alpha1.SealedSecret{} }

// NewList implements dialect.Kind.
func (i *Installation) NewList() dialect.List { return &v1alpha1.SealedSecretList{} }

// Serves implements dialect.Kind: the API has no field that says who serves an object. So all are the syncer's, or none is.
func (i *Installation) Serves(object dialect.Object, _ dialect.Resolved) bool {
	_, ok := object.(*v1alpha1.SealedSecret)
	return ok && i.Serve
}

// References implements dialect.Kind.
func (i *Installation) References(dialect.Object, dialect.Resolved) []dialect.Reference { return nil }

// ForceSync implements dialect.Forcer: the scope decides what is opened, and is no part of the spec.
func (i *Installation) ForceSync(object dialect.Object) string {
	forced := object.GetAnnotations()[names.AnnotationForceSync]
	if _, ok := object.(*v1alpha1.SealedSecret); !ok {
		return forced
	}
	return scopeOf(object).name + "/" + forced
}

// EventReasons implements dialect.EventNamer: they are those of Sealed Secrets.
func (i *Installation) EventReasons() map[dialect.Event]string {
	return map[dialect.Event]string{
		dialect.EventFailed: "ErrUnsealFailed", dialect.EventUnwritten: "ErrUpdateFailed", dialect.EventRecovered: "Unsealed",
		dialect.EventCreated: "Unsealed", dialect.EventUpdated: "Unsealed",
	}
}

// UsesMetadata implements dialect.MetadataUser: the scope is an annotation of Sealed Secrets'.
func (i *Installation) UsesMetadata() {}

// Plan implements dialect.Kind. It repeats what the CRD's schema demands, since that of Sealed Secrets may be installed.
func (i *Installation) Plan(object dialect.Object, _ dialect.Resolved) (*plan.Plan, field.ErrorList) {
	sealed, ok := object.(*v1alpha1.SealedSecret)
	if !ok {
		return nil, field.ErrorList{field.InternalError(nil, fmt.Errorf("%T is no %s", object, v1alpha1.Kind))}
	}
	return i.parse(sealed)
}

// Status implements dialect.Kind.
func (i *Installation) Status(object dialect.Object) dialect.Status {
	sealed, ok := object.(*v1alpha1.SealedSecret)
	if !ok {
		sealed = &v1alpha1.SealedSecret{}
	}
	return &sealed.Status
}

// Words implements dialect.Kind.
func (i *Installation) Words() *plan.Words { return &words }

var words = plan.Words{
	Kind: v1alpha1.Kind, Spec: "spec", Type: "spec.template.type",
	Property: "spec.data", Binary: "spec.data",
	NotBinary: "seal the value again by kubeseal",
	Plain:     "seal each value by itself, as kubeseal does, in spec.encryptedData",
	Misnamed:  "seal the value under another name",
	Rename:    "seal the values again for another name",
	Adopt: "to have it taken over, set on that Secret the annotation " + v1alpha1.AnnotationManaged + `: "true", or ` +
		v1alpha1.AnnotationPatch + `: "true" to have its other entries stay, and on the namespace ` + names.AnnotationPermitAdopt + `: "true"`,
	OtherController: "if the controller of Sealed Secrets runs, scale it to zero, or set SEALED_SERVE: \"false\" here: " +
		"both serve all SealedSecrets",
	Terms: map[plan.Term]string{
		plan.TermBackend: "the sealing keys", plan.TermEngine1: "", plan.TermEngine2: "",
		plan.TermInterval: "the annotation " + names.AnnotationForceSync, plan.TermRecursive: "",
	},
}
