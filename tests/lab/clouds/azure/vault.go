package azure

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/azure/entra"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/keyvault"
)

// keyVault answers GET /secrets, and of secrets, certificates and keys GET /<kind>/<name> and /<kind>/<name>/<version>, to whom a token
// proves.
func (c *Cloud) keyVault(r *http.Request, s sovereignty, vault string, now time.Time) call {
	to := call{service: vaultService, operation: unknown}
	if !c.vaults.Has(vault) {
		// Such a host name would not exist.
		to.answer = func() answer { return answer{code: "NoSuchVault", cut: true} }
		return to
	}
	read, ok := understandRead(r)
	if !ok {
		to.answer = func() answer {
			return refused(http.StatusNotFound, "NotFound", "The operation is not emulated: objects are read by GET /<kind>/<name>/<version>.", "")
		}
		return to
	}
	to.operation = read.operation
	if read.name != "" {
		to.keys = []string{read.name, vault + "/" + read.name}
	}
	caller, err := c.bearer(r, "https://"+s.vaults, now)
	if err != nil {
		to.answer = func() answer {
			a := refused(http.StatusUnauthorized, "Unauthorized", err.Error(), "")
			a.challenge = fmt.Sprintf("Bearer authorization=%q, resource=%q", "https://"+s.login+"/"+Tenant, "https://"+s.vaults)
			return a
		}
		return to
	}
	to.identity = caller.ClientID
	to.answer = func() answer {
		if r.FormValue("api-version") == "" {
			return refused(http.StatusBadRequest, "BadParameter", "api-version must be specified", "")
		}
		return c.read(r, vault, read, caller)
	}
	return to
}

// read is an operation on a vault's object; without a name, on the list of all.
type read struct {
	operation     string
	kind          keyvault.Kind
	name, version string
}

func understandRead(r *http.Request) (read, bool) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	operations := map[keyvault.Kind]string{
		keyvault.Secrets: "GetSecret", keyvault.Certificates: "GetCertificate", keyvault.Keys: "GetKey",
	}
	kind := keyvault.Kind(parts[0])
	switch {
	case r.Method != http.MethodGet || operations[kind] == "" || len(parts) > 3:
		return read{}, false
	case len(parts) == 1:
		return read{operation: "GetSecrets", kind: kind}, kind == keyvault.Secrets
	}
	return read{operations[kind], kind, parts[1], strings.Join(parts[2:], "")}, true
}

func (c *Cloud) read(r *http.Request, vault string, of read, by entra.App) answer {
	caller := keyvault.Caller{
		Name: fmt.Sprintf("appid=%s;oid=%s;iss=%s", by.ClientID, by.ObjectID, entra.Issuer(by.Tenant)), May: by.Permissions,
	}
	var body any
	var err error
	if of.name == "" {
		body, err = c.vaults.Page(vault, r.Host, r.FormValue("$skiptoken"), caller, func(token string) string {
			query := url.Values{"api-version": {r.FormValue("api-version")}, "$skiptoken": {token}}
			return "https://" + r.Host + "/secrets?" + query.Encode()
		})
	} else {
		body, err = c.vaults.Get(vault, r.Host, of.kind, of.name, of.version, caller)
	}
	if refusal, ok := errors.AsType[*keyvault.Error](err); ok {
		return refused(refusal.Status, refusal.Code, refusal.Message, refusal.Inner)
	}
	return ok(body)
}

// bearer proves the caller by the token that it carries.
func (c *Cloud) bearer(r *http.Request, audience string, now time.Time) (entra.App, error) {
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found {
		return entra.App{}, errors.New("AKV10000: Request is missing a Bearer or PoP token")
	}
	return c.directory.Verify(token, audience, Tenant, now)
}

func refused(status int, code, message, inner string) answer {
	return answer{status: status, code: code, body: vaultError(code, message, inner)}
}

func vaultError(code, message, inner string) any {
	body := map[string]any{"code": code, "message": message}
	if inner != "" {
		body["innererror"] = map[string]any{"code": inner}
	}
	return map[string]any{"error": body}
}
