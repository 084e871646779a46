// Package dialect is the interface of a foreign API, so that all other code works without its name. A dialect is one such API in a
// folder of its own: types, schema, how an object becomes a Plan, how a Record becomes its status, and its words. Package all lists
// the dialects.
package dialect

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/names"
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
	// New makes the settings of the dialect in one installation.
	New func() Installation
}

// Service is a program that serves dialects.
type Service int

// The services.
const (
	Webhook Service = iota
	Syncer
	Check // webhook check
)

// Installation is a dialect with the settings of one installation.
type Installation interface {
	// Bind adds the dialect's settings to those of a service.
	Bind(s *settings.Section, service Service)
	// Finish checks them once flags are parsed, with the settings of all dialects. The error lists everything that is wrong.
	Finish(policy settings.Policy) error
	// Kinds lists the kinds of objects that Secrets are made for. It is called after Finish.
	Kinds() []Kind
	// Stores lists the kinds of objects that they refer to.
	Stores() []StoreKind
	// Ring identifies the set of objects that a syncer serves: syncers with equal rings share the work.
	Ring() []string
}

// Paced is an Installation whose objects are refreshed at an interval of the dialect's own, found by assertion. All other
// objects have the interval of the installation, where they name none.
type Paced interface {
	// Pace is the syncer's flag that holds the interval, and the value without the flag.
	Pace() (flag string, fallback time.Duration)
}

// Sealing is an Installation whose objects may hold values that the syncer opens by keys of the cluster, found by assertion.
type Sealing interface {
	// Opener is the address, host:port, at which the webhook asks the syncer whether it can open them; empty: it does not ask.
	Opener() string
}

// Type is how the API server names and stores a kind of objects.
type Type struct {
	Dialect string // the name of the Dialect
	schema.GroupVersionKind
	Resource string // as in externalsecrets
	// Versions are older ones of the API, whose objects have the same fields: the API server converts them by their version alone.
	Versions []string
	// ClusterWide: no namespace holds its objects.
	ClusterWide bool
	// CRD is the manifest of its CustomResourceDefinition. Nil: it is a kind of Kubernetes itself.
	CRD []byte
}

// Kind turns the objects of one foreign kind into Plans. It is pure: the caller has read what References names. It may be
// called concurrently.
type Kind interface {
	Type() Type
	New() Object
	NewList() List
	// Words are the kind's names for things, for messages.
	Words() *plan.Words
	// Serves reports whether this installation's syncer serves an object.
	Serves(object Object, resolved Resolved) bool
	// References lists the other objects that a Plan of an object needs: what it refers to, and what those of them refer to that are
	// resolved already. See Resolve.
	References(object Object, resolved Resolved) []Reference
	// Plan makes the Plan of an object, or lists everything that is wrong with the object, each problem with its path. Beside errors
	// it returns the part that is valid, so that policy can be judged in the same answer; nil where there is none. A Plan that comes
	// with errors must never be fetched.
	Plan(object Object, resolved Resolved) (*plan.Plan, field.ErrorList)
	// Status is the status of an object.
	Status(object Object) Status
}

// List is a list of objects.
type List interface {
	metav1.ListInterface
	runtime.Object
}

// Status keeps a Record in the status that the kind's users know. Fields of other clients stay as they are.
type Status interface {
	Record() plan.Record
	// Put writes a Record; the zero Record clears the status.
	Put(record plan.Record)
	// Condition is the condition of a type, such as one of another client; nil: there is none.
	Condition(of string) *metav1.Condition
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
	// Namer is a Kind with objects that name their Secrets. The Secrets of all other kinds have the name of their object.
	Namer interface {
		// Secret is the name of an object's Secret; empty where the object has none.
		Secret(object Object) string
	}
	// NamespaceSelector is a Kind with objects that are served only in some namespaces.
	NamespaceSelector interface {
		// ServesIn reports whether objects of a namespace are served.
		ServesIn(namespace string) bool
		// Namespaces lists those that are watched; nil: all.
		Namespaces() []string
	}
	// Forcer is a Kind with objects that are read at once when more of them changes than their spec and the annotation force-sync.
	Forcer interface {
		// ForceSync is a text that differs after each such change, as plan.Plan.ForceSync.
		ForceSync(object Object) string
	}
	// EventNamer is a Kind with events whose reasons its users know by other words than ours.
	EventNamer interface {
		// EventReasons are the reasons of events, by what happens. What is not among them makes no event.
		EventReasons() map[Event]string
	}
	// Restarter is a Kind with objects that name workloads to restart when their Secret changes.
	Restarter interface {
		RestartTargets(object Object) []RestartTarget
	}
	// MetadataUser is a Kind that needs all labels and annotations of its objects in the syncer's cache, not only our annotations.
	MetadataUser interface {
		UsesMetadata()
	}
)

// RestartTarget is a workload of the object's namespace: a Deployment, StatefulSet, DaemonSet or Rollout.
type RestartTarget struct{ Kind, Name string }

// Event is what happens to an object or its Secret.
type Event string

// What happens.
const (
	EventFailed    Event = "Failed"    // Ready becomes False
	EventUnwritten Event = "Unwritten" // Ready becomes False, since the Secret cannot be written; EventFailed where it has no reason
	EventRecovered Event = "Recovered" // Ready becomes True again
	EventCreated   Event = "Created"   // a Secret was created
	EventUpdated   Event = "Updated"   // a Secret was changed
	EventDeleted   Event = "Deleted"   // a Secret was deleted, since the backend has nothing any more of what it was made of
	EventMissing   Event = "Missing"   // the backend has nothing any more of some of what the object reads
)

// Further abilities of a StoreKind, found by assertion.
type (
	// Unwatched is a StoreKind whose objects are read live when they are needed: there may be no right to list them.
	Unwatched interface {
		Unwatched()
	}
	// Shared is a StoreKind whose objects may be referred to from other namespaces than their own.
	Shared interface {
		// Homes are namespaces whose objects those of any other may refer to. A syncer of some namespaces watches them in these, too.
		Homes() []string
	}
	// Judged is a StoreKind whose objects are judged themselves when they are applied, and not only with the objects that refer to them.
	Judged interface {
		References(object Object, resolved Resolved) []Reference
		// Plan is the part of the Plans of all objects of the same namespace that an object makes, without entries, or everything that is
		// wrong with it. The plan of an object that no namespace holds has warnings at most: it is judged with those that refer to it.
		Plan(object Object, resolved Resolved) (*plan.Plan, field.ErrorList)
	}
	// Reporting is a Judged kind whose objects say in their status whether the syncer that serves them can use them.
	Reporting interface {
		StoreKind
		Judged
		// Serves reports whether this installation's syncer serves an object.
		Serves(object Object) bool
		// Report writes into the status what prevents the object's use; empty: nothing does.
		Report(object Object, problem string, now time.Time)
	}
)

// ForceSyncOf is what an object says to be read at once, as plan.Plan.ForceSync.
func ForceSyncOf(k Kind, object Object) string {
	if forcer, ok := k.(Forcer); ok {
		return forcer.ForceSync(object)
	}
	return object.GetAnnotations()[names.AnnotationForceSync]
}

// ValidPlan is the Plan of an object that may be fetched, or everything that is wrong with the object.
func ValidPlan(k Kind, object Object, resolved Resolved) (*plan.Plan, field.ErrorList) {
	p, errs := k.Plan(object, resolved)
	if len(errs) > 0 {
		return nil, errs
	}
	return p, nil
}

// Watched are the namespaces in which a syncer of some namespaces watches the objects of a kind; none: all.
func Watched(kind StoreKind, namespaces []string) []string {
	shared, ok := kind.(Shared)
	if !ok || len(namespaces) == 0 {
		return namespaces
	}
	all := slices.Concat(namespaces, shared.Homes())
	slices.Sort(all)
	return slices.Compact(all)
}
