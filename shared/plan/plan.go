// Package plan turns an object into a Plan: everything that will be read, as whom, and the Secret to
// make of it. From (an ExternalSecret) and FromDefinition (a SecretDefinition) are the only readers of
// specs. What is not in a Plan is not judged by policy and cannot be fetched.
package plan

import (
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
)

// Defaults are the installation's values for fields that an ExternalSecret may omit. Policy judges the
// effective values, so both services must be given the same.
type Defaults struct {
	Region     string // AWS region
	VaultMount string // mount of Vault's Kubernetes auth method
	VaultRole  string
	Project    string // GCP project; empty: the credential's own
	// MinRefreshInterval is the least interval between refreshes; shorter ones are raised to it.
	MinRefreshInterval time.Duration
}

// Plan is an object, understood.
type Plan struct {
	Object     types.NamespacedName
	Kind       schema.GroupVersionKind
	Secret     string // the name of the Secret to make, in the object's namespace
	UID        types.UID
	Generation int64

	ControllerID string // the INSTANCE_ID of the syncer that serves the object

	Scope Scope
	// ScopeIsFixed: the installation says where to read and as whom, so that no field of the object is to blame.
	ScopeIsFixed bool
	Entries      []Entry // in the order in which they define names: the last one wins

	Template       Template
	Refresh        Refresh
	Suspend        bool
	ForceSync      string // the annotation's value; empty where it is absent
	DeletionPolicy apiv1.DeletionPolicy
	AdoptExisting  bool

	// Warnings are sentences for the person who applies the object.
	Warnings []string
}

// Scope is where reads go and who makes them. Reads of one scope share a credential session.
// It is comparable; fields that mean nothing to the backend are empty.
type Scope struct {
	Backend  apiv1.Backend
	Identity Identity
	Region   string // AWS
	KeyVault string // Azure
	Project  string // GCP
}

// Identity is who reads, beyond the syncer's own credentials.
type Identity struct {
	RoleARN    string // AWS and Alibaba Cloud; empty: the syncer's own identity
	VaultMount string
	VaultRole  string
}

// Read names one value, or with Path a set of values, within a scope. It is comparable.
type Read struct {
	Key          string
	Path         bool // Key is a path whose children are read (SSM)
	Recursive    bool // with Path: all descendants
	Version      string
	VersionID    string
	VersionStage string
	KVVersion    int32 // Vault: 1 or 2
}

// Source is a read and its scope: what is fetched once, however many objects ask for it.
type Source struct {
	Scope
	Read
}

// EntryKind says what becomes of a value.
type EntryKind int

// The kinds of entries.
const (
	Single  EntryKind = iota // one entry of the Secret, called Name
	Members                  // the value is a JSON object; each member is an entry
	Tree                     // each value of a path walk is an entry, named by its last segment
)

// Entry is a read and what it becomes in the Secret.
type Entry struct {
	Field    string // where the object asks for it, such as spec.data[1]
	KeyField string // where the object names the key, such as spec.data[1].key
	Kind     EntryKind
	Name     string // for Single
	Read     Read
	Property string // look this up in the JSON value; empty: the whole value
	Binary   bool   // the value is base64 text
}

// Template is the Secret that values are merged over.
type Template struct {
	Labels      map[string]string
	Annotations map[string]string
	Type        string // Opaque if the object names none
	Immutable   *bool
	Data        map[string][]byte // data and stringData, the latter winning
	Stamp       Stamp
}

// Stamp is the annotation that tells when the Secret last changed, and how it writes the time. The zero value is none.
type Stamp struct{ Annotation, Format string }

// Refresh says how often the backend is read again.
type Refresh struct {
	Never    bool
	Interval time.Duration // 0: the syncer's default
}

// Sources lists the distinct reads of the plan in the order of its entries.
func (p *Plan) Sources() []Source {
	seen := make(map[Read]bool, len(p.Entries))
	sources := make([]Source, 0, len(p.Entries))
	for _, e := range p.Entries {
		if !seen[e.Read] {
			seen[e.Read] = true
			sources = append(sources, Source{Scope: p.Scope, Read: e.Read})
		}
	}
	return sources
}

// ServedBy tells whether the syncer with this INSTANCE_ID serves the object: both empty also match.
func ServedBy(es *apiv1.ExternalSecret, instanceID string) bool {
	if in, _ := normalise(es); in != nil {
		return in.spec.ControllerID == instanceID
	}
	return es.Spec.ControllerID == instanceID
}
