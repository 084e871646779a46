package entra

import (
	"slices"
	"strings"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/webtoken"
)

// certified proves an assertion that the application signed itself, with the key of a certificate that is registered for it.
// https://learn.microsoft.com/entra/identity-platform/certificate-credentials
func (a App) certified(token webtoken.Token, now time.Time) *Refusal {
	here := func(audience string) bool { return strings.HasSuffix(audience, "/"+a.Tenant+"/oauth2/v2.0/token") }
	switch {
	case !token.SignedBy(a.Certificates):
		return invalidClient(700027, "The certificate with identifier used to sign the client assertion is not registered on application. "+
			"[Reason - The key was not found.]")
	case !slices.ContainsFunc(token.Audience, here):
		return invalidClient(700023, "Client assertion audience claim does not match Realm issuer.")
	case token.Over(now) || token.Early(now):
		return notInTime(now)
	}
	return nil
}

func notInTime(now time.Time) *Refusal {
	return invalidClient(700024, "Client assertion is not within its valid time range. Current time: %s.", now.UTC().Format(time.RFC3339))
}
