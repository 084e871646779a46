package google

import (
	"encoding/json"
	"net/http"

	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/iam"
)

// Where access tokens are handed out, below the emulator's URL.
const (
	// TokenPath is the token endpoint (token_uri of a key file): https://developers.google.com/identity/protocols/oauth2/service-account.
	TokenPath = "/google/oauth2/token"
	// ExchangePath is the Security Token Service (token_url of an external account's file):
	// https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token.
	ExchangePath = "/google/sts/token"
	// stsPath is its path at Google.
	stsPath = "/v1/token"
)

const (
	jwtBearer     = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	tokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	accessToken   = "urn:ietf:params:oauth:token-type:access_token"
)

// issued is the answer of both endpoints.
type issued struct {
	AccessToken     string `json:"access_token"`
	ExpiresIn       int    `json:"expires_in"`
	TokenType       string `json:"token_type"`
	IssuedTokenType string `json:"issued_token_type,omitempty"`
}

// oauthError is of RFC 6749, section 5.2.
type oauthError struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (c *Cloud) serveTokens(w http.ResponseWriter, r *http.Request) {
	at := call{service: "oauth2", operation: "Unknown"}
	var email string
	var scoped bool
	refusal := &oauthError{"invalid_request", "This URL and method are of no token endpoint."}
	if r.Method == http.MethodPost && r.ParseForm() == nil {
		switch r.URL.Path {
		case TokenPath:
			at.operation = "Token"
			email, scoped, refusal = c.assert(r)
		case ExchangePath, stsPath:
			at.operation = "ExchangeToken"
			email, scoped, refusal = c.exchange(r)
		}
	}
	at.identity = email
	if c.suffers(w, r, at) {
		return
	}
	if refusal == nil {
		value, err := c.identities.Mint(email, scoped, c.clock())
		if err == nil {
			c.count(at, "OK")
			answer := issued{AccessToken: value, ExpiresIn: int(iam.TokenLife.Seconds()), TokenType: "Bearer"}
			if at.operation == "ExchangeToken" {
				answer.IssuedTokenType = accessToken
			}
			writeJSON(w, http.StatusOK, answer)
			return
		}
		refusal = &oauthError{"invalid_grant", "Invalid grant: account not found"}
	}
	c.count(at, refusal.Code)
	writeJSON(w, http.StatusBadRequest, refusal)
}

// assert takes a JWT that a service account signed for the endpoint, whatever the host by which it was reached.
func (c *Cloud) assert(r *http.Request) (email string, scoped bool, refusal *oauthError) {
	if r.PostForm.Get("grant_type") != jwtBearer {
		return "", false, &oauthError{"unsupported_grant_type", "Invalid grant_type: " + r.PostForm.Get("grant_type")}
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	email, scoped, refused := c.identities.Assertion(r.PostForm.Get("assertion"), scheme+r.Host+TokenPath, c.clock())
	if refused != nil {
		return "", false, &oauthError{"invalid_grant", "Invalid JWT Signature."}
	}
	return email, scoped, nil
}

// exchange takes a token of a workload identity pool's provider.
func (c *Cloud) exchange(r *http.Request) (principal string, scoped bool, refusal *oauthError) {
	form := r.PostForm
	if form.Get("grant_type") != tokenExchange || form.Get("requested_token_type") != accessToken {
		return "", false, &oauthError{"unsupported_grant_type", "Only the exchange for access tokens is emulated."}
	}
	principal, ok := c.identities.Federated(form.Get("subject_token"), form.Get("audience"), c.clock())
	if !ok {
		return "", false, &oauthError{"invalid_grant", "The subject token was refused by the audience's provider."}
	}
	return principal, form.Get("scope") == iam.Scope, nil
}

// suffers lets faults strike a call of HTTP, and reports whether that answered it.
func (c *Cloud) suffers(w http.ResponseWriter, r *http.Request, at call) bool {
	failure, gone := c.strike(r.Context(), at)
	switch {
	case gone:
		c.cut(at, "CallerGone")
	case failure == nil:
		return false
	case failure.Kind == fault.Cut:
		c.cut(at, "ConnectionCut")
	case failure.Kind == fault.Garbage:
		c.count(at, "Garbage")
		page(w)
		return true
	case failure.Kind == fault.Flood:
		c.count(at, "Flood")
		fault.WriteFlood(w, "application/json")
		return true
	}
	status := map[fault.Kind]int{fault.Throttle: http.StatusTooManyRequests, fault.Outage: http.StatusServiceUnavailable}[failure.Kind]
	if status == 0 {
		status = max(failure.Status, http.StatusBadRequest)
	}
	c.count(at, http.StatusText(status))
	writeJSON(w, status, oauthError{"internal_failure", failure.Message})
	return true
}

func writeJSON(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // a caller that hung up is not our trouble
}
