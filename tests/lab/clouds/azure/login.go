package azure

import (
	"cmp"
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/azure/entra"
)

// instanceDiscovery tells clients whether an authority host is one of Azure's.
func (c *Cloud) instanceDiscovery(r *http.Request, _ url.Values, now time.Time) call {
	to := call{service: entraService, operation: "InstanceDiscovery"}
	to.answer = func() answer {
		endpoint, err := url.Parse(r.FormValue("authorization_endpoint"))
		for _, s := range sovereignties() {
			if err == nil && endpoint.Host == s.login {
				tenant, _, _ := strings.Cut(strings.TrimPrefix(endpoint.Path, "/"), "/")
				return ok(map[string]any{
					"tenant_discovery_endpoint": "https://" + s.login + "/" + tenant + "/v2.0/.well-known/openid-configuration",
					"api-version":               "1.1",
					"metadata": []map[string]any{{
						"preferred_network": s.login, "preferred_cache": s.login, "aliases": []string{s.login},
					}},
				})
			}
		}
		return notProved(&entra.Refusal{
			Status: http.StatusBadRequest, Code: "invalid_instance", Number: 50049, Message: "Unknown or invalid instance.",
		}, now)
	}
	return to
}

func (c *Cloud) openIDConfiguration(r *http.Request, tenant string, now time.Time) call {
	to := call{service: entraService, operation: "OpenIDConfiguration"}
	to.answer = func() answer {
		if !c.directory.HasTenant(tenant) {
			return notProved(entra.NoTenant(tenant), now)
		}
		at := "https://" + r.Host + "/" + tenant
		return ok(map[string]any{
			"issuer":                 at + "/v2.0",
			"token_endpoint":         at + "/oauth2/v2.0/token",
			"authorization_endpoint": at + "/oauth2/v2.0/authorize",
			"jwks_uri":               at + "/discovery/v2.0/keys",
		})
	}
	return to
}

// token is the client credentials grant.
func (c *Cloud) token(r *http.Request, tenant string, form url.Values, now time.Time) call {
	to := call{service: entraService, operation: "Token"}
	app, audience, refusal := c.directory.Prove(tenant, form, now)
	if r.Method != http.MethodPost {
		refusal = &entra.Refusal{
			Status: http.StatusBadRequest, Code: "invalid_request", Number: 900561, Message: "The endpoint only accepts POST requests.",
		}
	}
	if refusal != nil {
		to.answer = func() answer { return notProved(refusal, now) }
		return to
	}
	to.identity = app.ClientID
	to.answer = func() answer {
		return ok(map[string]any{
			"token_type": "Bearer", "expires_in": int(entra.Life.Seconds()), "ext_expires_in": int(entra.Life.Seconds()),
			"access_token": c.directory.Issue(app, audience, now),
		})
	}
	return to
}

func notProved(r *entra.Refusal, now time.Time) answer {
	return answer{status: r.Status, code: r.Code, body: r.Body(now)}
}

// managedIdentity gives tokens to any process on the machine, which a header shows that no redirect or proxy sets.
// https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token,
// https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
func (c *Cloud) managedIdentity(r *http.Request, _ url.Values, now time.Time) call {
	to := call{service: identityService, operation: "Token"}
	if status, problem := c.onMachine(r); problem != "" {
		to.answer = func() answer { return notManaged(status, problem) }
		return to
	}
	app, known := c.directory.Managed(r.FormValue("client_id"), cmp.Or(r.FormValue("mi_res_id"), r.FormValue("msi_res_id")))
	resource := strings.TrimSuffix(r.FormValue("resource"), "/")
	switch {
	case resource == "":
		to.answer = func() answer { return notManaged(http.StatusBadRequest, "Required audience parameter not specified") }
		return to
	case !known:
		to.answer = func() answer { return notManaged(http.StatusBadRequest, "Identity not found") }
		return to
	}
	to.identity = app.ClientID
	to.answer = func() answer {
		return ok(map[string]any{
			"access_token": c.directory.Issue(app, resource, now), "client_id": app.ClientID, "resource": resource, "token_type": "Bearer",
			"expires_in": strconv.Itoa(int(entra.Life.Seconds())), "expires_on": strconv.FormatInt(now.Add(entra.Life).Unix(), 10),
			"not_before": strconv.FormatInt(now.Unix(), 10),
		})
	}
	return to
}

// onMachine says what a request lacks that only a process on the machine can send.
func (c *Cloud) onMachine(r *http.Request) (status int, problem string) {
	version := r.FormValue("api-version")
	switch {
	case r.Header.Get("X-Forwarded-For") != "":
		return http.StatusBadRequest, "Requests that were forwarded are not served"
	case r.URL.Path == metadataPath && r.Header.Get("Metadata") != "true":
		return http.StatusBadRequest, "Required metadata header not specified"
	case r.URL.Path == metadataPath && version != "2018-02-01":
		return http.StatusBadRequest, fmt.Sprintf("The api-version %q is not emulated", version)
	case r.URL.Path == IdentityPath && version != "2019-08-01":
		return http.StatusBadRequest, fmt.Sprintf("The api-version %q is not emulated", version)
	case r.URL.Path == IdentityPath &&
		subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Identity-Header")), []byte(c.identityHeader)) != 1:
		return http.StatusForbidden, "The X-IDENTITY-HEADER is not this machine's"
	}
	return 0, ""
}

func notManaged(status int, problem string) answer {
	return answer{status: status, code: "invalid_request", body: identityError("invalid_request", problem)}
}

func identityError(code, message string) any {
	return map[string]any{"error": code, "error_description": message}
}
