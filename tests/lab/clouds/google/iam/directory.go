package iam

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/google/api"
)

// Directory holds all identities. Its zero value is empty and ready.
type Directory struct {
	mu       sync.RWMutex
	accounts map[string]account // by email
	tokens   map[string]token   // by value
	pools    map[string]Pool    // by audience
	// minted counts the access tokens of each account.
	minted map[string]int
}

type account struct {
	Account
	keys map[string]*rsa.PublicKey
}

type token struct {
	email   string
	scoped  bool
	expires time.Time
}

// PutAccount adds an account, or replaces the permissions of the one that is there.
func (d *Directory) PutAccount(a Account) error {
	if _, err := projectOf(a.Email); err != nil && !strings.HasPrefix(a.Email, "principal://") && !strings.HasPrefix(a.Email, ofCluster) {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.accounts == nil {
		d.accounts = map[string]account{}
	}
	keys := d.accounts[a.Email].keys
	if keys == nil {
		keys = map[string]*rsa.PublicKey{}
	}
	a.Keys = nil
	d.accounts[a.Email] = account{Account: a, keys: keys}
	return nil
}

// PutPool adds a workload identity pool's provider, or replaces the one of that audience.
func (d *Directory) PutPool(p Pool) error {
	if p.Audience == "" || p.Issuer == "" || len(p.Keys.Keys) == 0 {
		return fmt.Errorf("pool %q lacks its audience, issuer or jwks: give all three", p.Audience)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pools == nil {
		d.pools = map[string]Pool{}
	}
	d.pools[p.Audience] = p
	return nil
}

// RemoveAccount deletes an account, its keys and its tokens.
func (d *Directory) RemoveAccount(email string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.accounts[email]; !ok {
		return fmt.Errorf("account %q does not exist", email)
	}
	delete(d.accounts, email)
	maps.DeleteFunc(d.tokens, func(_ string, t token) bool { return t.email == email })
	return nil
}

// RemoveKeys deletes all keys of an account: what they signed is refused from now on.
func (d *Directory) RemoveKeys(email string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, ok := d.accounts[email]
	if !ok {
		return fmt.Errorf("account %q does not exist", email)
	}
	clear(a.keys)
	return nil
}

// Accounts lists all accounts by email.
func (d *Directory) Accounts() []Account {
	d.mu.RLock()
	defer d.mu.RUnlock()
	all := []Account{}
	for _, email := range slices.Sorted(maps.Keys(d.accounts)) {
		a := d.accounts[email]
		a.Keys = slices.Sorted(maps.Keys(a.keys))
		all = append(all, a.Account)
	}
	return all
}

func (d *Directory) addKey(email, id string, key *rsa.PublicKey) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, ok := d.accounts[email]
	if !ok {
		return fmt.Errorf("account %q does not exist: add it before its keys", email)
	}
	a.keys[id] = key
	return nil
}

func (d *Directory) key(email, id string) (*rsa.PublicKey, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	key, ok := d.accounts[email].keys[id]
	return key, ok
}

// Mint makes an access token for an account; scoped means that it was asked for with Scope.
func (d *Directory) Mint(email string, scoped bool, now time.Time) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.accounts[email]; !ok {
		return "", fmt.Errorf("account %q does not exist", email)
	}
	if d.tokens == nil {
		d.tokens, d.minted = map[string]token{}, map[string]int{}
	}
	value := "ya29.c." + rand.Text() + rand.Text()
	d.tokens[value] = token{email: email, scoped: scoped, expires: now.Add(TokenLife)}
	d.minted[email]++
	return value, nil
}

// Minted is how many access tokens an account was given so far.
func (d *Directory) Minted(email string) int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.minted[email]
}

// ExpireTokens ends all access tokens now.
func (d *Directory) ExpireTokens() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.tokens)
}

// caller is an account that proved itself.
func (d *Directory) caller(email string, scoped bool) (api.Caller, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	a, ok := d.accounts[email]
	return api.Caller{Email: email, Permissions: a.Permissions, Scoped: scoped}, ok
}
