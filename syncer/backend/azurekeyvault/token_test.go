package azurekeyvault

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/go-cmp/cmp"
)

// issuer gives tokens of an hour's life, numbered from 1, after a second; or none.
type issuer struct {
	mu      sync.Mutex
	asked   int
	failing bool
}

func (i *issuer) open(*http.Client) (azcore.TokenCredential, error) { return i, nil }

func (i *issuer) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	<-time.After(time.Second) // of synctest
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked++
	if i.failing {
		return azcore.AccessToken{}, errors.New("planted")
	}
	return azcore.AccessToken{Token: strconv.Itoa(i.asked), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func newTokens(i *issuer) *tokens {
	return &tokens{open: i.open, timeout: 10 * time.Second, held: map[string]held{}}
}

// get is the token, or that there is none.
func get(t *tokens) string {
	token, err := t.GetToken(context.Background(), policy.TokenRequestOptions{TenantID: "t", Scopes: []string{"s"}})
	if err != nil {
		return "none"
	}
	return token.Token
}

func TestTokensAreAskedForOnceForAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{}
		all := newTokens(i)
		var wait sync.WaitGroup
		for range 32 {
			wait.Go(func() {
				if got := get(all); got != "1" {
					t.Errorf("got token %s, want 1", got)
				}
			})
		}
		wait.Wait()
	})
}

func TestTokensAreRenewedBeforeTheirEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{}
		all := newTokens(i)
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

func TestATokenIsUsedToItsEndWhereNoOtherIsToBeHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{}
		all := newTokens(i)
		got := []string{get(all)}
		i.failing = true
		<-time.After(56 * time.Minute)
		for range 10 {
			got = append(got, get(all))
		}
		asked := i.asked
		<-time.After(5 * time.Minute)
		got = append(got, get(all))
		want := []string{"1", "1", "1", "1", "1", "1", "1", "1", "1", "1", "1", "none"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("tokens (-want +got):\n%s", diff)
		}
		if asked != 2 {
			t.Errorf("the issuer was asked %d times while the token worked, want 2", asked)
		}
	})
}

func TestARefusedTokenIsDroppedOnceAndNotAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{}
		all := newTokens(i)
		got := []string{get(all)}
		<-time.After(time.Minute)
		all.drop("1")
		got = append(got, get(all))
		all.drop("1") // by another who was refused
		all.drop("2") // its successor is refused, too
		got = append(got, get(all))
		<-time.After(patience)
		all.drop("2")
		got = append(got, get(all))
		if diff := cmp.Diff([]string{"1", "2", "2", "3"}, got); diff != "" {
			t.Errorf("tokens (-want +got):\n%s", diff)
		}
	})
}

func TestWhoeverGivesUpDoesNotEndTheRequestOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{}
		all := newTokens(i)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := all.GetToken(ctx, policy.TokenRequestOptions{TenantID: "t", Scopes: []string{"s"}})
		if got := get(all); !errors.Is(err, context.Canceled) || got != "1" || i.asked != 1 {
			t.Errorf("who gave up got %v; the other token %s of %d, want the first", err, got, i.asked)
		}
	})
}
