// Package entra is the part of Microsoft Entra ID that gives applications access tokens: its directory, the proofs that it
// takes (a secret, a federated token), and the tokens.
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
package entra

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// App is an application, or a managed identity, and what it may do.
type App struct {
	// ClientID is what it is called by: AZURE_CLIENT_ID.
	ClientID string `json:"clientId"`
	// ObjectID is generated where none is given.
	ObjectID string `json:"objectId,omitempty"`
	// Tenant is the one that it is registered in; empty: Tenant.
	Tenant string `json:"tenant,omitempty"`
	// Secret proves the application; empty: none does.
	Secret string `json:"clientSecret,omitempty"`
	// Certificates are the keys whose signatures prove it; with a thumbprint (x5t#S256), only where the assertion names that.
	Certificates jose.JSONWebKeySet `json:"certificates,omitzero"`
	// SubjectName is that of certificates which are known by it and not by their thumbprints. Their chain must be sent.
	SubjectName string `json:"subjectName,omitempty"`
	// Federated are tokens of others that prove it.
	Federated []Federated `json:"federated,omitempty"`
	// Managed is system or user for an identity of the machine, which may ask for tokens at its metadata endpoint.
	Managed string `json:"managed,omitempty"`
	// Resource is another name of a user-assigned identity: its id in Azure Resource Manager.
	Resource string `json:"resource,omitempty"`
	// Permissions on Key Vaults and their secrets.
	Permissions permission.Set `json:"permissions"`
}

// Federated is a federated identity credential: tokens of the issuer, for the subject and the audience, prove the
// application. https://learn.microsoft.com/graph/api/resources/federatedidentitycredential
type Federated struct {
	Issuer   string `json:"issuer"`
	Subject  string `json:"subject"`
	Audience string `json:"audience,omitempty"` // empty: Audience
	// Keys that the issuer signs with. Entra would ask the issuer.
	Keys jose.JSONWebKeySet `json:"jwks"`
}

// Audience is what federated tokens are for unless a credential says otherwise.
const Audience = "api://AzureADTokenExchange"

// Tenant is the lab's own.
const Tenant = "72f988bf-0000-4000-8000-2d7cd011db47"

// Directory holds the applications of all tenants, and the key that tokens are signed with.
type Directory struct {
	// key is made when the first token is.
	key func() *rsa.PrivateKey

	mu   sync.RWMutex
	apps map[string]App // by client id
	// issued counts tokens; those up to revoked have ended.
	issued, revoked int
}

// NewDirectory makes an empty one.
func NewDirectory() *Directory {
	key := func() *rsa.PrivateKey {
		made, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(fmt.Sprintf("no key for access tokens: %v", err))
		}
		return made
	}
	return &Directory{key: sync.OnceValue(key), apps: map[string]App{}}
}

// PutApp adds an application, or replaces the one of that client id. It returns it with what was generated.
func (d *Directory) PutApp(a App) (App, error) {
	switch {
	case a.ClientID == "" || strings.ContainsAny(a.ClientID, " /"):
		return App{}, fmt.Errorf("the application's clientId is %q: give a text without spaces and slashes, such as a UUID", a.ClientID)
	case a.Managed != "" && a.Managed != "system" && a.Managed != "user":
		return App{}, fmt.Errorf("application %s: managed is %q: give system, user or nothing", a.ClientID, a.Managed)
	}
	a.Tenant, a.ObjectID = cmp.Or(a.Tenant, Tenant), cmp.Or(a.ObjectID, NewID())
	d.mu.Lock()
	defer d.mu.Unlock()
	d.apps[a.ClientID] = a
	return a, nil
}

// RemoveApp ends an application, and with it its tokens.
func (d *Directory) RemoveApp(clientID string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.apps[clientID]; !ok {
		return fmt.Errorf("no application has the client id %q", clientID)
	}
	delete(d.apps, clientID)
	return nil
}

// Apps lists all applications by client id, without their secrets.
func (d *Directory) Apps() []App {
	d.mu.RLock()
	defer d.mu.RUnlock()
	all := make([]App, 0, len(d.apps))
	for _, a := range d.apps {
		a.Secret = ""
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b App) int { return cmp.Compare(a.ClientID, b.ClientID) })
	return all
}

// HasTenant reports whether some application is registered there.
func (d *Directory) HasTenant(tenant string) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, a := range d.apps {
		if a.Tenant == tenant {
			return true
		}
	}
	return false
}

// Managed finds the machine's identity of this client id or resource or, where both are empty, its system-assigned identity.
func (d *Directory) Managed(clientID, resource string) (App, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, a := range d.apps {
		if a.Managed != "" && (a.ClientID == clientID || resource != "" && a.Resource == resource) ||
			clientID == "" && resource == "" && a.Managed == "system" {
			return a, true
		}
	}
	return App{}, false
}

func (d *Directory) app(tenant, clientID string) (App, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	a, ok := d.apps[clientID]
	return a, ok && a.Tenant == tenant
}

func (a App) hasSecret(secret string) bool {
	return a.Secret != "" && subtle.ConstantTimeCompare([]byte(a.Secret), []byte(secret)) == 1
}

// NewID makes a random UUID.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Life is how long access tokens are valid.
const Life = time.Hour
