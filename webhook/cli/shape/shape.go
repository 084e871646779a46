// Package shape is what the commands answer with --output=json and --output=yaml. Fields are only ever added to it. No field holds a
// value of a secret, nor a digest of one.
package shape

import "time"

// Object names an object of the cluster.
type Object struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
}

// Note is what could not be had, or was assumed in its stead. It is a sentence.
type Note string

// The verdicts on a value, a source, and an object.
const (
	Permitted = "permitted"
	Denied    = "denied"
	NoLimit   = "no limit" // no annotation limits it, which permits it
	Invalid   = "invalid"  // of an object: it cannot be understood
	Unjudged  = "unjudged" // of an object: its namespace is not known
)

// Why says what one object may read, why, and how it is.
type Why struct {
	Object    Object     `json:"object"`
	Verdict   string     `json:"verdict"`            // permitted, denied, invalid or unjudged
	Problems  []Problem  `json:"problems,omitempty"` // what is wrong with the object, or missing beside it
	Warnings  []string   `json:"warnings,omitempty"` // what is accepted, though not as its author meant
	Secret    string     `json:"secret,omitempty"`   // the name of the Secret to make
	Suspended bool       `json:"suspended,omitempty"`
	Served    *bool      `json:"served,omitempty"` // by the installed syncer; absent: not known
	Sources   []Source   `json:"sources"`
	Limits    []Limit    `json:"limits,omitempty"`   // those of no one source
	Status    *Status    `json:"status,omitempty"`   // absent: offline, or the syncer never said anything
	NextRead  *NextRead  `json:"nextRead,omitempty"` // absent: offline
	Settings  []Settings `json:"settings,omitempty"`
	Notes     []Note     `json:"notes,omitempty"`
}

// Problem is what is wrong at a field.
type Problem struct {
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

// Source is what is read once, where, and as whom.
type Source struct {
	Fields    []string `json:"fields"`            // where the object asks for it
	Entries   []string `json:"entries,omitempty"` // of the Secret, where the object names them
	Backend   string   `json:"backend"`
	Key       string   `json:"key"`
	Path      bool     `json:"path,omitempty"`      // key is a path whose children are read
	Recursive bool     `json:"recursive,omitempty"` // with path: all descendants
	Version   string   `json:"version,omitempty"`   // that the object pins
	Identity  []Aspect `json:"identity"`
	Limits    []Limit  `json:"limits"`
}

// Aspect is one part of where a source is read, and as whom.
type Aspect struct {
	Name    string `json:"name"`            // such as role, region, mount, vault, project, namespace
	Value   string `json:"value"`           // empty: the backend's or the credential's own
	Field   string `json:"field,omitempty"` // where the object says it
	Default bool   `json:"default,omitempty"`
}

// Limit is what policy says of one value.
type Limit struct {
	Verdict    string   `json:"verdict"` // permitted, denied or no limit
	Of         string   `json:"of"`      // key, path, choice, confined (to some namespaces), required, or the name of an aspect
	Field      string   `json:"field,omitempty"`
	Value      string   `json:"value"`
	Annotation string   `json:"annotation"`         // of the namespace, which limits such values; empty: what is confined says to whom itself
	Renamed    bool     `json:"renamed,omitempty"`  // by a setting of the installation
	Patterns   []string `json:"patterns,omitempty"` // its lines; absent where the namespace has no such annotation
	Pattern    string   `json:"pattern,omitempty"`  // that matches
	Message    string   `json:"message,omitempty"`  // of a denial
}

// Status is what the syncer said last.
type Status struct {
	Ready       string     `json:"ready"` // True, False or Unknown
	Reason      string     `json:"reason"`
	Message     string     `json:"message,omitempty"`
	Since       *time.Time `json:"since,omitempty"`
	LastSync    *time.Time `json:"lastSync,omitempty"`
	LastSuccess *time.Time `json:"lastSuccess,omitempty"`
	Current     bool       `json:"current"` // it is of the object's present generation
	Failures    []Failure  `json:"failures,omitempty"`
}

// Failure is a read that failed.
type Failure struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// NextRead is when the backend is read again.
type NextRead struct {
	By    *time.Time `json:"by,omitempty"`    // at the latest, if the syncer keeps up
	Every string     `json:"every,omitempty"` // such as 5m0s
	Why   string     `json:"why"`             // a sentence
}

// Settings says what is known of the settings of one service.
type Settings struct {
	Service string   `json:"service"` // syncer or webhook
	Known   bool     `json:"known"`
	From    []string `json:"from,omitempty"` // what was read
	Assumed string   `json:"assumed,omitempty"`
}

// WhoCan says which namespaces permit a key, and which objects read it.
type WhoCan struct {
	Key        string   `json:"key"`
	Backend    string   `json:"backend,omitempty"`
	Roles      []string `json:"roles,omitempty"`
	Namespaces []Access `json:"namespaces"` // that permit it; with --denied all
	Denied     int      `json:"denied"`     // how many namespaces do not
	Readers    []Reader `json:"readers"`
	Notes      []Note   `json:"notes,omitempty"`
}

// Access is what one namespace says of the key.
type Access struct {
	Namespace string  `json:"namespace"`
	Verdict   string  `json:"verdict"` // permitted, denied or no limit
	Limits    []Limit `json:"limits"`  // of the key, and of each role
	// Narrowed is what else the namespace limits, of which the question says nothing.
	Narrowed []Narrowing `json:"narrowed,omitempty"`
}

// Narrowing is a limit of a namespace on what else an object says.
type Narrowing struct {
	Of         string   `json:"of"` // such as role, region, mount
	Annotation string   `json:"annotation"`
	Patterns   []string `json:"patterns"`
}

// Reader is an object that reads the key.
type Reader struct {
	Object  Object `json:"object"`
	Field   string `json:"field"`
	Backend string `json:"backend"`
	Walks   string `json:"walks,omitempty"` // the path below which the key is
	Role    string `json:"role,omitempty"`
	Verdict string `json:"verdict"`          // on the whole object: one value that is denied denies it
	Reason  string `json:"reason,omitempty"` // of condition Ready
}

// The outcomes of a refresh.
const (
	Refreshed = "refreshed" // the values were read, and the Secret is as they are
	Requested = "requested" // with --wait=false
	Failed    = "failed"
	TimedOut  = "timed out"
)

// Refresh says what became of each object.
type Refresh struct {
	Results []Refreshing `json:"results"`
}

// Refreshing is what became of one object.
type Refreshing struct {
	Object  Object `json:"object"`
	Outcome string `json:"outcome"` // refreshed, requested, failed or timed out
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

// Tree is an object, what it is made of, and what is made of it.
type Tree struct {
	Object  Object     `json:"object"`
	Ready   string     `json:"ready,omitempty"`
	Reason  string     `json:"reason,omitempty"`
	Stores  []Store    `json:"stores,omitempty"`
	Sources []Source   `json:"sources"`
	Secret  SecretNode `json:"secret"`
	// Restarts are the workloads that the component restarts restarts when the Secret changes, as far as it has seen them.
	Restarts []Restarts `json:"restarts,omitempty"`
	Pods     []Pod      `json:"pods"`
	Notes    []Note     `json:"notes,omitempty"`
}

// Store is an object that the object refers to.
type Store struct {
	Object Object `json:"object"`
	Found  *bool  `json:"found,omitempty"` // absent: not known
}

// SecretNode is the Secret of an object. Values are never read into it.
type SecretNode struct {
	Name    string     `json:"name"`
	Exists  *bool      `json:"exists,omitempty"`  // absent: not known
	Owned   *bool      `json:"owned,omitempty"`   // by the object; absent: not known
	Changed *time.Time `json:"changed,omitempty"` // when the syncer last wrote it
	Entries []string   `json:"entries,omitempty"` // their names, with --entries
}

// Restarts is a workload that is restarted when the Secret changes.
type Restarts struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Has is the revision of the Secret that its pods were started with, and Is the one that the Secret has; absent: not known.
	Has string `json:"has"`
	Is  string `json:"is,omitempty"`
	// Pending: they differ. Waits is then what the restart waits for, one word, and Meaning how that ends; absent: not known.
	Pending bool   `json:"pending,omitempty"`
	Waits   string `json:"waits,omitempty"`
	Meaning string `json:"meaning,omitempty"`
	// Restarted is when it was last restarted for a Secret.
	Restarted *time.Time `json:"restarted,omitempty"`
}

// Pod is one that uses the Secret.
type Pod struct {
	Name       string `json:"name"`
	Phase      string `json:"phase"`
	Controller string `json:"controller,omitempty"` // such as ReplicaSet/web-5d8f
	Uses       []Use  `json:"uses"`
	// Outdated: it started before the Secret last changed, and uses it in a way that is read at the start alone.
	Outdated bool `json:"outdated,omitempty"`
}

// Use is how a pod uses the Secret.
type Use struct {
	How       string `json:"how"`                 // volume, subPath, env or imagePullSecret
	Container string `json:"container,omitempty"` // of a pod
	Name      string `json:"name,omitempty"`      // of the volume or the variable
}

// Installation is the state of an installation.
type Installation struct {
	Namespace string         `json:"namespace"`
	Services  []Service      `json:"services"`
	Webhooks  []Webhook      `json:"webhooks"`
	Replicas  []Replica      `json:"replicas"`
	Objects   []ObjectsCount `json:"objects"`
	Unknown   []string       `json:"unknown,omitempty"` // which of the above could not be read; the notes say why
	Notes     []Note         `json:"notes,omitempty"`
}

// Service is a Deployment of the installation.
type Service struct {
	Name      string     `json:"name"`
	Ready     int32      `json:"ready"`
	Wanted    int32      `json:"wanted"`
	Image     string     `json:"image,omitempty"`
	Instances []Instance `json:"instances,omitempty"`
}

// Instance is what a pod of a service says by its metrics.
type Instance struct {
	Pod           string     `json:"pod"`
	Version       string     `json:"version,omitempty"`
	Measured      bool       `json:"measured"`               // its metrics could be read
	Breakers      []Breaker  `json:"breakersOpen,omitempty"` // of the syncer
	Overdue       *float64   `json:"overdueSeconds,omitempty"`
	Stalled       bool       `json:"stalled,omitempty"`
	Alone         bool       `json:"alone,omitempty"`
	Suspended     bool       `json:"suspended,omitempty"`
	CertificateBy *time.Time `json:"certificateExpires,omitempty"` // of the webhook: the first certificate to expire
}

// Breaker counts the identities and places of a backend that are left alone since it is down or throttles.
type Breaker struct {
	Backend string `json:"backend"`
	Open    int    `json:"open"`
}

// Webhook is one of the webhook configurations.
type Webhook struct {
	Configuration string `json:"configuration"` // its kind and name
	Name          string `json:"name"`
	FailurePolicy string `json:"failurePolicy"`
	CA            bool   `json:"ca"` // its caBundle is set
}

// Replica is a syncer that shares the objects with others of its ring.
type Replica struct {
	Ring    string `json:"ring"`
	Lease   string `json:"lease"`
	Holder  string `json:"holder"`
	Age     string `json:"age"` // since it was renewed
	Expired bool   `json:"expired,omitempty"`
	Members int    `json:"members"` // of its ring, whose Leases have not expired
}

// ObjectsCount counts objects by the reason of their condition Ready.
type ObjectsCount struct {
	Namespace string `json:"namespace"`
	Kind      string `json:"kind"`
	Reason    string `json:"reason"` // empty: the syncer never said anything
	Count     int    `json:"count"`
}
