package entra

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/syncer/backend/session"
)

// issuer gives tokens of an hour's life, numbered from 1. refresh is what Entra says of when to ask for the next; 0: nothing.
type issuer struct {
	asked   int
	refresh time.Duration
	last    policy.TokenRequestOptions
}

func (i *issuer) open(context.Context, *http.Client) (azcore.TokenCredential, error) { return i, nil }

func (i *issuer) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	i.asked++
	i.last = o
	token := azcore.AccessToken{Token: strconv.Itoa(i.asked), ExpiresOn: time.Now().Add(time.Hour)}
	if i.refresh > 0 {
		token.RefreshOn = time.Now().Add(i.refresh)
	}
	return token, nil
}

func tokensOf(i *issuer) *Tokens {
	t := New(Cloud{}, Credentials{}, nil, 10*time.Second)
	t.open = i.open
	return t
}

// get is the token, or that there is none.
func get(t *Tokens) string {
	token, err := t.GetToken(context.Background(), policy.TokenRequestOptions{TenantID: "t", Scopes: []string{"s"}})
	if err != nil {
		return "none"
	}
	return token.Token
}

func TestTokensAreRenewedBeforeTheirEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{}
		all := tokensOf(i)
		got := []string{get(all)}
		<-time.After(50 * time.Minute)
		got = append(got, get(all))
		<-time.After(6 * time.Minute)
		got = append(got, get(all))
		if diff := cmp.Diff([]string{"1", "1", "2"}, got); diff != "" {
			t.Errorf("at first, after 50 and after 56 minutes (-want +got):\n%s", diff)
		}
	})
}

func TestATokenIsRenewedWhenEntraSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := tokensOf(&issuer{refresh: 30 * time.Minute})
		got := []string{get(all)}
		<-time.After(29 * time.Minute)
		got = append(got, get(all))
		<-time.After(time.Minute)
		got = append(got, get(all))
		if diff := cmp.Diff([]string{"1", "1", "2"}, got); diff != "" {
			t.Errorf("at first, after 29 and after 30 minutes (-want +got):\n%s", diff)
		}
	})
}

func TestARefusedTokenIsDroppedOnceAndNotAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{}
		all := tokensOf(i)
		got := []string{get(all)}
		<-time.After(time.Minute)
		all.drop("1")
		got = append(got, get(all))
		all.drop("1") // by another who was refused
		all.drop("2") // its successor is refused, too
		got = append(got, get(all))
		<-time.After(session.GracePeriod)
		all.drop("2")
		got = append(got, get(all))
		if diff := cmp.Diff([]string{"1", "2", "2", "3"}, got); diff != "" {
			t.Errorf("tokens (-want +got):\n%s", diff)
		}
	})
}

// A token for one tenant, one claim or one scope is none for another.
func TestEachRequestHasATokenOfItsOwn(t *testing.T) {
	i := &issuer{}
	all := tokensOf(i)
	for n, asked := range []policy.TokenRequestOptions{
		{TenantID: "t", Scopes: []string{"a", "b"}},
		{TenantID: "u", Scopes: []string{"a", "b"}},
		{TenantID: "t", Scopes: []string{"a"}},
		{TenantID: "t", Scopes: []string{"a", "b"}, Claims: "c"},
		{TenantID: "t", Scopes: []string{"a", "b"}, EnableCAE: true},
	} {
		for range 2 {
			token, err := all.GetToken(t.Context(), asked)
			if err != nil || token.Token != strconv.Itoa(n+1) {
				t.Errorf("request %d: got token %s (%v)", n, token.Token, err)
			}
			if diff := cmp.Diff(asked, i.last); diff != "" {
				t.Errorf("asked for (-want +got):\n%s", diff)
			}
		}
	}
}
