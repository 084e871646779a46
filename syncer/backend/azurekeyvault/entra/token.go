package entra

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/secretgate/secretgate/syncer/backend/session"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

// renewBefore is how long before its end a token is replaced, unless Entra says when.
const renewBefore = 5 * time.Minute

// maxAnswer bounds what is read of an answer, in bytes: far more than a token has.
const maxAnswer = 1 << 20

// Tokens keeps the syncer's token for each tenant, for all vaults. It is the SDK's credential, and a policy of its
// pipeline that learns which tokens are refused.
type Tokens struct {
	open    func(context.Context, *http.Client) (azcore.TokenCredential, error)
	wire    http.RoundTripper
	ofStore bool // a Store says who logs in
	held    *session.Cache[request, azcore.AccessToken]
}

// request is policy.TokenRequestOptions as a key.
type request struct {
	tenant, claims string
	scopes         string // with spaces between
	cae            bool
}

// New makes Tokens of credentials. It makes no calls, and does not look for credentials yet. Requests go by wire, and have a timeout
// together.
func New(c Cloud, given Credentials, wire http.RoundTripper, timeout time.Duration) *Tokens {
	return newTokens(func(_ context.Context, client *http.Client) (azcore.TokenCredential, error) {
		return given.open(c, client)
	}, wire, timeout)
}

func newTokens(
	open func(context.Context, *http.Client) (azcore.TokenCredential, error), wire http.RoundTripper, timeout time.Duration,
) *Tokens {
	t := &Tokens{open: open, wire: wire}
	t.held = &session.Cache[request, azcore.AccessToken]{Obtain: t.obtain, Timeout: timeout, GracePeriod: session.GracePeriod}
	return t
}

// GetToken implements azcore.TokenCredential.
func (t *Tokens) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return t.held.Get(ctx, request{tenant: o.TenantID, claims: o.Claims, scopes: strings.Join(o.Scopes, " "), cae: o.EnableCAE})
}

func (t *Tokens) obtain(
	ctx context.Context, r request, _ session.Session[azcore.AccessToken],
) (begun session.Session[azcore.AccessToken], err error) {
	seen := &record{RoundTripper: t.wire, ofStore: t.ofStore}
	// A new credential each time: what the SDK keeps in one might be the token that was refused.
	credential, err := t.open(ctx, transport.Client(seen, 0, maxAnswer))
	if err != nil {
		return begun, t.unopened(err)
	}
	now := time.Now()
	token, err := credential.GetToken(ctx, policy.TokenRequestOptions{
		TenantID: r.tenant, Claims: r.claims, Scopes: strings.Fields(r.scopes), EnableCAE: r.cae,
	})
	if err != nil {
		return begun, t.refused(seen.refusal(err))
	}
	begun = session.Until(token, now, token.ExpiresOn, renewBefore)
	if token.RefreshOn.After(now) {
		begun.Renew = token.RefreshOn
	}
	return begun, nil
}

// Do implements policy.Policy: it forgets a token that the service refuses, before the SDK asks for one again.
func (t *Tokens) Do(request *policy.Request) (*http.Response, error) {
	response, err := request.Next()
	if err == nil && response.StatusCode == http.StatusUnauthorized {
		if token, ok := strings.CutPrefix(request.Raw().Header.Get("Authorization"), "Bearer "); ok {
			t.drop(token)
		}
	}
	return response, err
}

func (t *Tokens) drop(refused string) {
	t.held.Drop(func(known azcore.AccessToken) bool { return known.Token == refused })
}
