package azure

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The services, as counters and faults name them.
const (
	entraService    = "entra"
	identityService = "managedidentity"
	vaultService    = "keyvault"
)

// IdentityPath is where managed identities are asked for tokens as in App Service: IDENTITY_ENDPOINT is the server's URL
// and this. The instance metadata service is at the path that virtual machines know.
const (
	IdentityPath = "/msi/token"
	metadataPath = "/metadata/identity/oauth2/token"
)

// unknown is the name of operations that are not emulated, in counters.
const unknown = "unknown"

// call is a request that was understood, and whose caller was judged.
type call struct {
	service, operation string
	// identity is the client id that the caller proved to have; empty: none.
	identity string
	// keys are the names that faults may be scoped to.
	keys   []string
	answer func() answer
}

// Serves reports whether a request is for Azure.
func Serves(r *http.Request) bool {
	return understand(r) != nil
}

// operation makes the call of a request.
type operation func(c *Cloud, r *http.Request, form url.Values, now time.Time) call

// understand finds the operation; nil: it is none of Azure's.
func understand(r *http.Request) operation {
	if s, vault, ok := vaultOf(r.Host); ok {
		return func(c *Cloud, r *http.Request, _ url.Values, now time.Time) call { return c.keyVault(r, s, vault, now) }
	}
	switch r.URL.Path {
	case metadataPath, IdentityPath:
		return (*Cloud).managedIdentity
	case "/common/discovery/instance":
		return (*Cloud).instanceDiscovery
	}
	tenant, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch rest {
	case "v2.0/.well-known/openid-configuration":
		return func(c *Cloud, r *http.Request, _ url.Values, now time.Time) call {
			return c.openIDConfiguration(r, tenant, now)
		}
	case "discovery/v2.0/keys":
		return func(c *Cloud, _ *http.Request, _ url.Values, _ time.Time) call {
			return call{service: entraService, operation: "Keys", answer: func() answer { return ok(c.directory.Keys()) }}
		}
	case "oauth2/v2.0/token":
		return func(c *Cloud, r *http.Request, form url.Values, now time.Time) call {
			return c.token(r, tenant, form, now)
		}
	}
	return nil
}

// vaultOf finds the vault that a host name stands for.
func vaultOf(host string) (sovereignty, string, bool) {
	host = strings.ToLower(host)
	for _, s := range sovereignties() {
		if vault, ok := strings.CutSuffix(host, "."+s.vaults); ok && vault != "" && !strings.Contains(vault, ".") {
			return s, vault, true
		}
	}
	return sovereignty{}, "", false
}
