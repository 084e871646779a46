package entra

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/secretgate/secretgate/tests/lab/clouds/webtoken"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Prove finds who asks for a token with this form, and for which audience.
func (d *Directory) Prove(tenant string, form url.Values, now time.Time) (_ App, audience string, _ *Refusal) {
	id := form.Get("client_id")
	a, known := d.app(tenant, id)
	switch {
	case !d.HasTenant(tenant):
		return App{}, "", NoTenant(tenant)
	case form.Get("grant_type") != "client_credentials":
		return App{}, "", badRequest("unsupported_grant_type", 70003, "The app requested an unsupported grant type '%s'.", form.Get("grant_type"))
	case !known:
		return App{}, "", badRequest("unauthorized_client", 700016, "Application with identifier '%s' was not found in the directory '%s'. "+
			"This can happen if the application has not been installed by the administrator of the tenant or consented to by any user "+
			"in the tenant. You may have sent your authentication request to the wrong tenant.", id, tenant)
	}
	if refusal := a.prove(form, now); refusal != nil {
		return App{}, "", refusal
	}
	audience, refusal := resource(form.Get("scope"))
	return a, audience, refusal
}

func (a App) prove(form url.Values, now time.Time) *Refusal {
	assertion, secret := form.Get("client_assertion"), form.Get("client_secret")
	switch {
	case assertion != "" && form.Get("client_assertion_type") != assertionType:
		return badRequest("invalid_request", 900144, "The request body must contain the following parameter: 'client_assertion_type'.")
	case assertion != "":
		return a.asserted(assertion, now)
	case secret == "":
		return invalidClient(7000216, "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.")
	case !a.hasSecret(secret):
		return invalidClient(7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "+
			"value, not the client secret ID, for a secret added to app '%s'.", a.ClientID)
	}
	return nil
}

// asserted proves a token of the application's own, or of another issuer. It must be signed: what it says is looked at only to
// find the key.
func (a App) asserted(raw string, now time.Time) *Refusal {
	token, err := webtoken.Parse(raw, jose.RS256, jose.PS256, jose.ES256)
	if err != nil {
		return invalidClient(50027, "JWT token is invalid or malformed.")
	}
	if token.Issuer == a.ClientID && token.Subject == a.ClientID {
		return a.certified(raw, token, now)
	}
	ofIssuer := slices.DeleteFunc(slices.Clone(a.Federated), func(f Federated) bool { return f.Issuer != token.Issuer })
	if len(ofIssuer) == 0 {
		return invalidClient(700211, "No matching federated identity record found for presented assertion issuer '%s'.", token.Issuer)
	}
	if !slices.ContainsFunc(ofIssuer, func(f Federated) bool { return token.SignedBy(f.Keys) }) {
		return invalidClient(700027, "The certificate with identifier used to sign the client assertion is not registered on application. "+
			"[Reason - The key was not found.]")
	}
	ofSubject := slices.DeleteFunc(ofIssuer, func(f Federated) bool { return f.Subject != token.Subject })
	if len(ofSubject) == 0 {
		return invalidClient(700213, "No matching federated identity record found for presented assertion subject '%s'.", token.Subject)
	}
	if !slices.ContainsFunc(ofSubject, func(f Federated) bool { return token.Audience.Contains(cmp.Or(f.Audience, Audience)) }) {
		return invalidClient(700212, "No matching federated identity record found for presented assertion audience '%s'.",
			strings.Join(token.Audience, ","))
	}
	if token.Over(now) || token.Early(now) {
		return notInTime(now)
	}
	return nil
}

// resource is the audience that a scope stands for: the first one that is not of OpenID Connect.
func resource(scopes string) (string, *Refusal) {
	for scope := range strings.FieldsSeq(scopes) {
		if audience, ok := strings.CutSuffix(scope, "/.default"); ok && strings.HasPrefix(audience, "https://") {
			return audience, nil
		}
	}
	return "", badRequest("invalid_scope", 1002012, "The provided value for scope %s is not valid. Client credential flows must have "+
		"a scope value with /.default suffixed to the resource identifier (application ID URI).", scopes)
}
