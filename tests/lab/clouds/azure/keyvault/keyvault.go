// Package keyvault keeps the secrets of Azure Key Vaults, their certificates and keys, and answers reads and lists of them.
// https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret
package keyvault

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// MaxValue is how many bytes a secret holds.
const MaxValue = 25 << 10

// The permissions: to read a secret's value, the names of all secrets, a certificate, a public key.
const (
	GetAction         = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
	ListAction        = "Microsoft.KeyVault/vaults/secrets/readMetadata/action"
	CertificateAction = "Microsoft.KeyVault/vaults/certificates/read"
	KeyAction         = "Microsoft.KeyVault/vaults/keys/read"
)

// Kind is a collection of a vault.
type Kind string

// The kinds. The value of a certificate is base64 of its DER, that of a key a JSON Web Key.
const (
	Secrets      Kind = "secrets"
	Certificates Kind = "certificates"
	Keys         Kind = "keys"
)

// kinds are what refusals call one of each, and the permission to read it.
var kinds = map[Kind]struct{ noun, action string }{
	Secrets: {"Secret", GetAction}, Certificates: {"Certificate", CertificateAction}, Keys: {"Key", KeyAction},
}

// Vault is a vault's name in Azure's role assignments.
func Vault(name string) string {
	return "/subscriptions/lab/resourceGroups/lab/providers/Microsoft.KeyVault/vaults/" + name
}

// Resource is a secret's name there.
func Resource(vault, name string) string { return Secrets.Resource(vault, name) }

// Resource is the name of one of the kind there.
func (k Kind) Resource(vault, name string) string { return Vault(vault) + "/" + string(k) + "/" + name }

// Secret is a version to write.
type Secret struct {
	Name        string `json:"name"`
	Value       string `json:"value"`
	ContentType string `json:"contentType,omitempty"`
	// Version is generated where none is given, as Azure always does.
	Version  string            `json:"version,omitempty"`
	Disabled bool              `json:"disabled,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
	// Kind is what it is, if not a secret.
	Kind Kind `json:"kind,omitempty"`
}

// at is where a vault keeps it.
func (s Secret) at() place { return place{cmp.Or(s.Kind, Secrets), strings.ToLower(s.Name)} }

// place is a kind and a name in small letters.
type place struct {
	kind Kind
	name string
}

// Listed is a secret without its values.
type Listed struct {
	Name     string   `json:"name"`
	Versions []string `json:"versions"` // oldest first
	Deleted  bool     `json:"deleted"`
}

// Error is a refusal. Inner distinguishes the causes that have one code.
type Error struct {
	Status               int
	Code, Message, Inner string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

type version struct {
	Secret
	created time.Time
}

type secret struct {
	versions []version
	deleted  bool
}

// Service is all vaults. Its zero value has none.
type Service struct {
	mu     sync.RWMutex
	vaults map[string]map[place]*secret
}

var namePattern = regexp.MustCompile(`\A[0-9A-Za-z-]{1,127}\z`)

// Put writes new versions into a vault, and creates vault and secrets where they do not exist. If one is refused, none is
// written.
func (s *Service) Put(vault string, now time.Time, secrets ...Secret) error {
	for _, in := range secrets {
		switch {
		case kinds[in.at().kind].action == "":
			return fmt.Errorf("secret %q: the kind is %q: give secrets, certificates, keys or nothing", in.Name, in.Kind)
		case !namePattern.MatchString(in.Name), in.Version != "" && !namePattern.MatchString(in.Version):
			return fmt.Errorf("secret %q, version %q: give up to 127 letters, digits and dashes", in.Name, in.Version)
		case len(in.Value) > MaxValue:
			return fmt.Errorf("secret %q: the value has %d bytes, and %d are the most", in.Name, len(in.Value), MaxValue)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.vaults == nil {
		s.vaults = map[string]map[place]*secret{}
	}
	vault = strings.ToLower(vault)
	if s.vaults[vault] == nil {
		s.vaults[vault] = map[place]*secret{}
	}
	for _, in := range secrets {
		in.Version = cmp.Or(in.Version, newVersion())
		at := in.at()
		kept := s.vaults[vault][at]
		if kept == nil || kept.deleted {
			kept = &secret{}
			s.vaults[vault][at] = kept
		}
		kept.versions = slices.DeleteFunc(kept.versions, func(v version) bool { return v.Version == in.Version })
		kept.versions = append(kept.versions, version{in, now})
	}
	return nil
}

// Delete deletes secrets softly: they are not found, and could be recovered.
func (s *Service) Delete(vault string, names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		if kept := s.vaults[strings.ToLower(vault)][place{Secrets, strings.ToLower(name)}]; kept != nil {
			kept.deleted = true
		}
	}
}

// Has reports whether there is such a vault.
func (s *Service) Has(vault string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.vaults[strings.ToLower(vault)]
	return ok
}

// List lists a vault's secrets by name.
func (s *Service) List(vault string) []Listed {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := []Listed{}
	for at, kept := range s.vaults[strings.ToLower(vault)] {
		if at.kind != Secrets {
			continue
		}
		listed := Listed{Name: at.name, Deleted: kept.deleted}
		for _, v := range kept.versions {
			listed.Versions = append(listed.Versions, v.Version)
		}
		all = append(all, listed)
	}
	slices.SortFunc(all, func(a, b Listed) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// newVersion makes an id of the form that Azure's have.
func newVersion() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
