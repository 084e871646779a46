package google

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/google/iam"
)

// metadataPath is below the host that GCE_METADATA_HOST names: https://cloud.google.com/compute/docs/metadata/overview.
const metadataPath = "/computeMetadata/"

// servedToken is kept as the metadata server keeps it, until five minutes before its end.
type servedToken struct {
	value   string
	scoped  bool
	expires time.Time
}

// keep is how long before its end the metadata server hands out another token.
const keep = 5 * time.Minute

// serveMetadata answers what machines and pods learn about themselves, tokens among it. It is as picky as the real one
// about who asks: a header that no browser, and no proxy by mistake, sends.
func (c *Cloud) serveMetadata(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Metadata-Flavor", "Google")
	c.mu.Lock()
	email := c.attached
	c.mu.Unlock()
	what := strings.TrimPrefix(r.URL.Path, metadataPath+"v1/")
	at := call{service: "metadata", operation: operationOf(what), identity: email}
	if c.suffers(w, r, at) {
		return
	}
	if r.Header.Get("Metadata-Flavor") != "Google" || r.Header.Get("X-Forwarded-For") != "" {
		c.count(at, "Forbidden")
		http.Error(w, "Missing Metadata-Flavor:Google header, or an X-Forwarded-For one.", http.StatusForbidden)
		return
	}
	if at.operation == "Token" && email != "" {
		c.serveToken(w, r, at)
		return
	}
	text, ok := map[string]string{
		"project/project-id":                      LabProject,
		"project/numeric-project-id":              LabProjectNumber,
		"instance/service-accounts/default/email": email,
	}[what]
	if !ok || text == "" {
		c.count(at, "NotFound")
		http.NotFound(w, r)
		return
	}
	c.count(at, "OK")
	w.Header().Set("Content-Type", "application/text")
	_, _ = w.Write([]byte(text)) // a caller that hung up is not our trouble
}

func operationOf(what string) string {
	switch what {
	case "instance/service-accounts/default/token":
		return "Token"
	case "project/project-id":
		return "ProjectID"
	}
	return "Other"
}

// serveToken hands out a token of the attached account. Without scopes it has those of the machine, which is Google Cloud's.
func (c *Cloud) serveToken(w http.ResponseWriter, r *http.Request, at call) {
	asked := r.URL.Query().Get("scopes")
	scoped := asked == "" || slices.Contains(strings.Split(asked, ","), iam.Scope)
	now := c.clock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.served.value == "" || c.served.scoped != scoped || now.After(c.served.expires.Add(-keep)) {
		value, err := c.identities.Mint(at.identity, scoped, now)
		if err != nil {
			c.count(at, "NotFound")
			http.NotFound(w, r)
			return
		}
		c.served = servedToken{value: value, scoped: scoped, expires: now.Add(iam.TokenLife)}
	}
	c.count(at, "OK")
	writeJSON(w, http.StatusOK, issued{
		AccessToken: c.served.value, ExpiresIn: int(c.served.expires.Sub(now).Seconds()), TokenType: "Bearer",
	})
}
