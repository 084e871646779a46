package azure

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/azure/entra"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/keyvault"
)

// keyVault answers GET /secrets/<name> and /secrets/<name>/<version>, to whom a token proves.
func (c *Cloud) keyVault(r *http.Request, s sovereignty, vault string, now time.Time) call {
	to := call{service: vaultService, operation: unknown}
	if !c.vaults.Has(vault) {
		// Such a host name would not exist.
		to.answer = func() answer { return answer{code: "NoSuchVault", cut: true} }
		return to
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if r.Method != http.MethodGet || len(parts) < 2 || len(parts) > 3 || parts[0] != "secrets" {
		to.answer = func() answer {
			return refused(http.StatusNotFound, "NotFound", "The operation is not emulated: secrets are read by GET /secrets/<name>/<version>.", "")
		}
		return to
	}
	name, id := parts[1], strings.Join(parts[2:], "")
	to.operation, to.keys = "GetSecret", []string{name, vault + "/" + name}
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
		return c.readSecret(vault, r.Host, name, id, caller)
	}
	return to
}

func (c *Cloud) readSecret(vault, host, name, id string, caller entra.App) answer {
	who := fmt.Sprintf("appid=%s;oid=%s;iss=%s", caller.ClientID, caller.ObjectID, entra.Issuer(caller.Tenant))
	bundle, err := c.vaults.Get(vault, host, name, id, who, caller.Permissions)
	if refusal, ok := errors.AsType[*keyvault.Error](err); ok {
		return refused(refusal.Status, refusal.Code, refusal.Message, refusal.Inner)
	}
	return ok(bundle)
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
