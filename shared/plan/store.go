package plan

import "strings"

// Backend names an external secret manager. Package backend has what is known of each.
type Backend string

// Store says where to read, and as whom. It is comparable: reads of equal Stores share a session, and what they return. Fields that
// mean nothing to the backend are empty.
type Store struct {
	Backend Backend
	Address string // URL of the server; empty: the installation's
	// ServerName is the name that the server's certificate must have; empty: the host of Address.
	ServerName string `json:",omitempty"`
	CA         string // PEM of the only CAs to trust for Address; empty: those of Login.CAFrom, else the installation's
	Namespace  string // the part of the server to work in; empty: the installation's
	Location   string // a region
	Container  string // what holds the secrets, such as a project or a vault
	Method     string // how to log in; empty: the backend's usual way
	Mount      string // where to log in
	Role       string // empty: the credential's own rights
	// Credential is what a login proves itself by.
	Credential Credential
	// Login is what else a login says.
	Login Login `json:",omitzero"`
	// Tenant is on whose behalf it is read, where the backend is to know. No dialect sets it.
	Tenant Tenant `json:",omitzero"`
}

// Login is what a login says beside Role and Credential, where a Store has more to say. It is comparable, and holds no secret. The zero
// value is nothing.
type Login struct {
	CAFrom    Credential `json:",omitzero"` // where the cluster keeps Store.CA, in its stead
	Namespace string     // the part of the server to log in to; empty: that of the Store
	Root      bool       // log in to the server as a whole, though the Store has a Namespace
	Directory string     // whose identities are meant: Azure's tenant
	// RoleFrom is where the cluster keeps the role that the Store was judged with: at a login it must be the same there. It is Account where
	// there is one, else Store.Role.
	RoleFrom Credential `json:",omitzero"`
	// Account is the role that the ServiceAccount of Credential is itself, before others are assumed.
	Account string
	// Identifier refers to the name that goes with Credential, where a Secret holds that, too: the id of an access key, a client or a role.
	Identifier Credential `json:",omitzero"`
	// Session refers to the third part of an access key that is temporary.
	Session Credential `json:",omitzero"`
	// Chain are the roles to assume before Role, one by the other.
	Chain List
	// ExternalID, Tags (as in key=value) and Transitive (keys of tags) go with assuming Role.
	ExternalID       string
	Tags, Transitive List
}

// List is a list of texts, as one text with a line for each, so that it is comparable.
type List string

// ListOf makes a List. None of the texts has a line break.
func ListOf(texts ...string) List { return List(strings.Join(texts, "\n")) }

// Texts are those of the list.
func (l List) Texts() []string {
	if l == "" {
		return nil
	}
	return strings.Split(string(l), "\n")
}

// Credential refers to what a login proves itself by. It is comparable, and holds no secret.
type Credential struct {
	Kind      CredentialKind
	Namespace string
	Name      string
	Key       string // of a Secret or a ConfigMap, or the name of an annotation
	Audiences List   // of a ServiceAccount's token
}

// CredentialKind is what a Credential refers to.
type CredentialKind string

// The kinds of credentials.
const (
	// OwnCredential is the syncer's own.
	OwnCredential CredentialKind = ""
	// InstalledCredential is one that the syncer was given under Name, beside its own.
	InstalledCredential CredentialKind = "Installed"
	// SecretCredential is the value of Key in a Secret.
	SecretCredential CredentialKind = "Secret"
	// AccountCredential is a token of a ServiceAccount.
	AccountCredential CredentialKind = "ServiceAccount"
	// ConfigMapCredential is the value of Key in a ConfigMap, for what is no secret.
	ConfigMapCredential CredentialKind = "ConfigMap"
	// AnnotationCredential is the annotation Key of a ServiceAccount, which is no secret either.
	AnnotationCredential CredentialKind = "ServiceAccount annotation"
)

// OfCluster reports whether it is in the cluster, where the authors of stores keep it, and not part of the installation.
func (c Credential) OfCluster() bool {
	return c.Kind == SecretCredential || c.Kind == AccountCredential
}

// Aspect is one part of a Store, as policy judges it and messages name it.
type Aspect int

// The aspects.
const (
	Role Aspect = iota
	Location
	Mount
	Container
	Address
	Namespace
	Account
)

// Aspects lists all of them.
func Aspects() []Aspect {
	return []Aspect{Role, Location, Mount, Container, Address, Namespace, Account}
}

// String is the aspect's name, for people and programs.
func (a Aspect) String() string {
	return [...]string{"role", "location", "mount", "container", "address", "namespace", "account"}[a]
}

// Get is an aspect's value; empty where the Store has none.
func (s Store) Get(a Aspect) string {
	switch a {
	case Role:
		return s.Role
	case Location:
		return s.Location
	case Mount:
		return s.Mount
	case Container:
		return s.Container
	case Address:
		return s.Address
	case Namespace:
		return s.Namespace
	case Account:
		if s.Credential.Kind == AccountCredential {
			return s.Credential.Name
		}
	}
	return ""
}

// Set changes an aspect.
func (s *Store) Set(a Aspect, value string) {
	switch a {
	case Role:
		s.Role = value
	case Location:
		s.Location = value
	case Mount:
		s.Mount = value
	case Container:
		s.Container = value
	case Address:
		s.Address = value
	case Namespace:
		s.Namespace = value
	case Account:
		s.Credential.Kind, s.Credential.Name = AccountCredential, value
	}
}

// Place is where an object says what an aspect of a Store is.
type Place struct {
	Field   string // such as spec.region
	Default bool   // the object has no such field, and the installation's value stands in for it
}

// Places are those of the aspects of one Store. What is not among them is the installation's alone.
type Places map[Aspect]Place
