// Package dialect is what each foreign API must be able to do, so that everything else can do without its name. A dialect is one
// such API in a folder of its own: types, schema, how an object becomes a Plan, how a Record becomes its status, and its words.
// Package all lists them.
package dialect

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/settings"
)

// Object is an object of the cluster.
type Object interface {
	metav1.Object
	runtime.Object
}

// Dialect is one foreign API.
type Dialect struct {
	Name  string // as --dialects has it
	Title string // for people, in --help and messages
	// Switch is a flag that turns the dialect on beside --dialects, with its environment variable; empty: there is none.
	Switch, SwitchEnv string
	AddToScheme       func(*runtime.Scheme) error
	// New prepares to be told how an installation has it.
	New func() Installation
}

// Service is who asks.
type Service int

// The services.
const (
	Webhook Service = iota
	Syncer
	Check // webhook check
)

// Installation is a dialect as an installation has set it up.
type Installation interface {
	// Bind adds the settings that a service is told.
	Bind(s *settings.Section, service Service)
	// Finish checks them once flags are parsed, beside what holds for all dialects. The error lists all that is wrong.
	Finish(policy settings.Policy) error
	// Kinds lists the kinds of objects that Secrets are made for. It is called after Finish.
	Kinds() []Kind
	// Stores lists the kinds of objects that those refer to.
	Stores() []StoreKind
	// Ring tells syncers apart that serve other objects: those of equal rings share the work.
	Ring() []string
}

// Type is what the API server calls a kind of objects, and how it stores them.
type Type struct {
	Dialect string // the name of the Dialect
	schema.GroupVersionKind
	Resource string // as in externalsecrets
	// ClusterWide: no namespace holds its objects.
	ClusterWide bool
	// CRD is the manifest of its CustomResourceDefinition.
	CRD []byte
}

// Kind turns the objects of one foreign kind into Plans. It is pure: the caller has read what References names. It may be
// called concurrently.
type Kind interface {
	Type() Type
	New() Object
	NewList() List
	// Words are how the kind calls things.
	Words() *plan.Words
	// Serves reports whether this installation's syncer serves an object.
	Serves(object Object) bool
	// References lists the objects that a Plan of an object needs beside it.
	References(object Object) []Reference
	// Plan understands an object, or lists everything that is wrong with it, each with its path. Beside errors it returns what
	// was understood, so that policy can be judged in the same answer; nil where nothing was. A Plan that comes with errors is
	// never to be fetched.
	Plan(object Object, resolved Resolved) (*plan.Plan, field.ErrorList)
	// Status is the status of an object.
	Status(object Object) Status
}

// List is a list of objects.
type List interface {
	metav1.ListInterface
	runtime.Object
}

// Status keeps a Record in the status that the kind's users know. What is foreign to it stays as it is.
type Status interface {
	Record() plan.Record
	// Put writes a Record; the zero one leaves nothing.
	Put(record plan.Record)
}

// StoreKind is a kind of objects that References name.
type StoreKind interface {
	Type() Type
	New() Object
	NewList() List
}

// Further abilities of a Kind, found by assertion.
type (
	// Converter is a Kind with deprecated fields.
	Converter interface {
		Deprecations() Deprecations
	}
	// Namer is a Kind whose objects name their Secrets; all others' Secrets have the name of their object.
	Namer interface {
		// Secret is the name of an object's Secret; empty where the object does not say.
		Secret(object Object) string
	}
	// Narrower is a Kind whose objects are served in some namespaces alone.
	Narrower interface {
		// ServesIn reports whether objects of a namespace are served.
		ServesIn(namespace string) bool
		// Namespaces lists those that are watched; nil: all.
		Namespaces() []string
	}
	// Keeper is a Kind that wants more of an object's metadata than its annotations that are ours, in the syncer's cache.
	Keeper interface {
		KeepsMetadata()
	}
)

// Understand is the Plan of an object that may be fetched, or everything that is wrong with the object.
func Understand(k Kind, object Object, resolved Resolved) (*plan.Plan, field.ErrorList) {
	p, errs := k.Plan(object, resolved)
	if len(errs) > 0 {
		return nil, errs
	}
	return p, nil
}
