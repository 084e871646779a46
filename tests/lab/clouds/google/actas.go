package google

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/google/api"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/iam"
)

// actAsPath is where callers get tokens of service accounts:
// https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken.
const actAsPath = "/v1/projects/-/serviceAccounts/"

// ActAs is the permission to get tokens of a service account, on projects/-/serviceAccounts/<e-mail>.
const ActAs = "iam.serviceAccounts.getAccessToken"

// serveActAs gives a caller who may act as a service account a token of it.
func (c *Cloud) serveActAs(w http.ResponseWriter, r *http.Request) {
	email, verb, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, actAsPath), ":")
	at := call{service: "iamcredentials", operation: "GenerateAccessToken", keys: []string{email}}
	var in struct {
		Scope    []string `json:"scope"`
		Lifetime string   `json:"lifetime"`
	}
	caller, refused := c.identities.Authenticate(r.Header.Get("Authorization"), "", c.clock())
	at.identity = caller.Email
	if c.suffers(w, r, at) {
		return
	}
	_ = json.NewDecoder(r.Body).Decode(&in) // what is no request has no scope
	life, err := time.ParseDuration(in.Lifetime)
	var status int
	var reason, message string
	switch {
	case refused != nil:
		status, reason, message = http.StatusUnauthorized, "UNAUTHENTICATED", refused.Message
	case r.Method != http.MethodPost || verb != "generateAccessToken":
		status, reason, message = http.StatusNotFound, "NOT_FOUND", "The method is not emulated."
	case err != nil || life > iam.TokenLife || len(in.Scope) == 0:
		status, reason, message = http.StatusBadRequest, "INVALID_ARGUMENT", "Request contains an invalid argument."
	case (api.Call{Caller: caller}).Authorize(ActAs, "projects/-/serviceAccounts/"+email) != nil:
		status, reason = http.StatusForbidden, "PERMISSION_DENIED"
		message = "Permission '" + ActAs + "' denied on resource (or it may not exist)."
	default:
		value, err := c.identities.Mint(email, slices.Contains(in.Scope, iam.Scope), c.clock())
		if err == nil {
			c.count(at, "OK")
			writeJSON(w, http.StatusOK, map[string]string{
				"accessToken": value, "expireTime": c.clock().Add(iam.TokenLife).UTC().Format(time.RFC3339),
			})
			return
		}
		status, reason, message = http.StatusNotFound, "NOT_FOUND", "Not found; Gaia id not found for email "+email
	}
	c.count(at, reason)
	writeJSON(w, status, map[string]any{"error": map[string]any{"code": status, "message": message, "status": reason}})
}
