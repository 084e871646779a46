package plan

// Backend names an external secret manager. Package backend has what is known of each.
type Backend string

// Store says where to read, and as whom. It is comparable: reads of equal Stores share a session, and what they return. Fields that
// mean nothing to the backend are empty.
type Store struct {
	Backend   Backend
	Address   string // URL of the server; empty: the installation's
	CA        string // PEM of the only CAs to trust for Address; empty: the installation's
	Namespace string // the part of the server to work in; empty: the installation's
	Location  string // a region
	Container string // what holds the secrets, such as a project or a vault
	Method    string // how to log in; empty: the backend's usual way
	Mount     string // where to log in
	Role      string // empty: the credential's own rights
	// Credential is what a login proves itself by.
	Credential Credential
	// Tenant is on whose behalf it is read, where the backend is to know. No dialect sets it.
	Tenant Tenant `json:",omitzero"`
}

// Credential refers to what a login proves itself by. It is comparable, and holds no secret.
type Credential struct {
	Kind      CredentialKind
	Namespace string
	Name      string
	Key       string // of a Secret
	Audience  string // of a ServiceAccount's token
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
