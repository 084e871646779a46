// Package keyvault keeps the secrets of Azure Key Vaults and answers reads of them.
// https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret
package keyvault

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// MaxValue is how many bytes a secret holds.
const MaxValue = 25 << 10

// GetAction is the permission to read a secret's value.
const GetAction = "Microsoft.KeyVault/vaults/secrets/getSecret/action"

// Resource is a secret's name in Azure's role assignments; the vault itself is the part before /secrets/.
func Resource(vault, name string) string {
	return "/subscriptions/lab/resourceGroups/lab/providers/Microsoft.KeyVault/vaults/" + vault + "/secrets/" + name
}

// Secret is a version to write.
type Secret struct {
	Name        string `json:"name"`
	Value       string `json:"value"`
	ContentType string `json:"contentType,omitempty"`
	// Version is generated where none is given, as Azure always does.
	Version  string `json:"version,omitempty"`
	Disabled bool   `json:"disabled,omitempty"`
}

// Listed is a secret without its values.
type Listed struct {
	Name     string   `json:"name"`
	Versions []string `json:"versions"` // oldest first
	Deleted  bool     `json:"deleted"`
}

// Bundle is the answer to a read.
type Bundle struct {
	Value       string         `json:"value"`
	ContentType string         `json:"contentType,omitempty"`
	ID          string         `json:"id"`
	Attributes  map[string]any `json:"attributes"`
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
	vaults map[string]map[string]*secret
}

var namePattern = regexp.MustCompile(`\A[0-9A-Za-z-]{1,127}\z`)

// Put writes new versions into a vault, and creates vault and secrets where they do not exist. If one is refused, none is
// written.
func (s *Service) Put(vault string, now time.Time, secrets ...Secret) error {
	for _, in := range secrets {
		switch {
		case !namePattern.MatchString(in.Name), in.Version != "" && !namePattern.MatchString(in.Version):
			return fmt.Errorf("secret %q, version %q: give up to 127 letters, digits and dashes", in.Name, in.Version)
		case len(in.Value) > MaxValue:
			return fmt.Errorf("secret %q: the value has %d bytes, and %d are the most", in.Name, len(in.Value), MaxValue)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.vaults == nil {
		s.vaults = map[string]map[string]*secret{}
	}
	vault = strings.ToLower(vault)
	if s.vaults[vault] == nil {
		s.vaults[vault] = map[string]*secret{}
	}
	for _, in := range secrets {
		in.Version = cmp.Or(in.Version, newVersion())
		at := strings.ToLower(in.Name)
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
		if kept := s.vaults[strings.ToLower(vault)][strings.ToLower(name)]; kept != nil {
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
	for name, kept := range s.vaults[strings.ToLower(vault)] {
		listed := Listed{Name: name, Deleted: kept.deleted}
		for _, v := range kept.versions {
			listed.Versions = append(listed.Versions, v.Version)
		}
		all = append(all, listed)
	}
	slices.SortFunc(all, func(a, b Listed) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Get reads a version of a secret or, for an empty one, the newest. caller is how the refusal calls who asks.
func (s *Service) Get(vault, host, name, id, caller string, may permission.Set) (Bundle, error) {
	if !namePattern.MatchString(name) || id != "" && !namePattern.MatchString(id) {
		return Bundle{}, &Error{http.StatusBadRequest, "BadParameter", "The request URI contains an invalid name: " + name, ""}
	}
	if !may.Allows(GetAction, Resource(vault, name)) {
		return Bundle{}, &Error{http.StatusForbidden, "Forbidden", fmt.Sprintf("Caller is not authorized to perform action on resource.\r\n"+
			"If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.\r\n"+
			"Caller: %s\r\nAction: '%s'\r\nResource: '%s'\r\nAssignment: (not found)\r\nVault: %s;location=lab\r\n",
			caller, GetAction, Resource(vault, name), vault), "ForbiddenByRbac"}
	}
	found, ok := s.find(vault, name, id)
	switch {
	case !ok:
		asked := name
		if id != "" {
			asked += "/" + id
		}
		return Bundle{}, &Error{http.StatusNotFound, "SecretNotFound", "A secret with (name/id) " + asked + " was not found in this key vault. " +
			"If you recently deleted this secret you may be able to recover it using the correct recovery command. " +
			"For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182", ""}
	case found.Disabled:
		return Bundle{}, &Error{http.StatusForbidden, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled"}
	}
	return Bundle{
		Value: found.Value, ContentType: found.ContentType, ID: "https://" + host + "/secrets/" + found.Name + "/" + found.Version,
		Attributes: map[string]any{"enabled": true, "created": found.created.Unix(), "updated": found.created.Unix()},
	}, nil
}

func (s *Service) find(vault, name, id string) (version, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	kept := s.vaults[strings.ToLower(vault)][strings.ToLower(name)]
	if kept == nil || kept.deleted {
		return version{}, false
	}
	for _, v := range slices.Backward(kept.versions) {
		if id == "" || strings.EqualFold(v.Version, id) {
			return v, true
		}
	}
	return version{}, false
}

// newVersion makes an id of the form that Azure's have.
func newVersion() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
