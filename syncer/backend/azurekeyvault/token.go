package azurekeyvault

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"golang.org/x/sync/singleflight"
)

const (
	// renewBefore is how long before its end a token is replaced, unless Entra says when.
	renewBefore = 5 * time.Minute
	// patience is how long a refused token's successor is believed: where Key Vault refuses each, not every read asks for one.
	patience = 10 * time.Second
)

// tokens keeps the syncer's token for each tenant, for all vaults. It is the SDK's credential, and a policy of its
// pipeline that learns which tokens are refused.
type tokens struct {
	open    func(*http.Client) (azcore.TokenCredential, error)
	wire    http.RoundTripper
	timeout time.Duration
	flight  singleflight.Group

	mu      sync.Mutex
	held    map[string]held // by tenant and resource
	dropped time.Time
}

type held struct {
	azcore.AccessToken
	renew time.Time
}

// GetToken implements azcore.TokenCredential. However many wait for a token, it is asked for once, and goes on when one of
// them gives up.
func (t *tokens) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	key := strings.Join(append([]string{options.TenantID, options.Claims}, options.Scopes...), " ")
	if known := t.known(key); time.Now().Before(known.renew) {
		return known.AccessToken, nil
	}
	done := t.flight.DoChan(key, func() (_ any, err error) {
		defer func() {
			if recover() != nil { // singleflight would end the process
				err = &tokenError{text: "the request for one panicked"}
			}
		}()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.timeout)
		defer cancel()
		return t.obtain(ctx, key, options)
	})
	select {
	case result := <-done:
		token, _ := result.Val.(azcore.AccessToken)
		return token, result.Err
	case <-ctx.Done():
		return azcore.AccessToken{}, ctx.Err()
	}
}

func (t *tokens) obtain(ctx context.Context, key string, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	old, now := t.known(key), time.Now()
	if now.Before(old.renew) {
		return old.AccessToken, nil
	}
	seen := &record{RoundTripper: t.wire}
	// A new credential each time: what the SDK keeps in one might be the token that was refused.
	credential, err := t.open(httpClient(seen))
	if err != nil {
		return azcore.AccessToken{}, notSetUp(err)
	}
	token, err := credential.GetToken(ctx, options)
	if err != nil && now.Before(old.ExpiresOn) {
		// The old token still works. Its remaining time is divided up, so that not every read asks for a new one.
		t.hold(key, held{old.AccessToken, now.Add(old.ExpiresOn.Sub(now) / 4)})
		return old.AccessToken, nil
	}
	if err != nil {
		return azcore.AccessToken{}, seen.refusal(err)
	}
	t.hold(key, held{token, renewal(token, now)})
	return token, nil
}

// renewal is when to ask for the token's successor.
func renewal(token azcore.AccessToken, now time.Time) time.Time {
	if token.RefreshOn.After(now) {
		return token.RefreshOn
	}
	return token.ExpiresOn.Add(-min(renewBefore, token.ExpiresOn.Sub(now)/2))
}

// Do implements policy.Policy: it forgets a token that the service refuses, before the SDK asks for one again.
func (t *tokens) Do(request *policy.Request) (*http.Response, error) {
	response, err := request.Next()
	if err == nil && response.StatusCode == http.StatusUnauthorized {
		if token, ok := strings.CutPrefix(request.Raw().Header.Get("Authorization"), "Bearer "); ok {
			t.drop(token)
		}
	}
	return response, err
}

// drop forgets a token. Many callers find out at the same time, and the later ones must not drop its successor.
func (t *tokens) drop(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, known := range t.held {
		if known.Token == token && time.Since(t.dropped) >= patience {
			delete(t.held, key)
			t.dropped = time.Now()
		}
	}
}

func (t *tokens) known(key string) held {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.held[key]
}

// hold keeps a token, and lets those go that have ended.
func (t *tokens) hold(key string, token held) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for other, known := range t.held {
		if time.Now().After(known.ExpiresOn) {
			delete(t.held, other)
		}
	}
	t.held[key] = token
}
