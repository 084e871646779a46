package ram

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Directory holds all identities. Its zero value is empty and ready.
type Directory struct {
	mu        sync.RWMutex
	users     map[string]User     // by access key id
	roles     map[string]Role     // by ARN
	providers map[string]Provider // by ARN
	sessions  map[string]session  // by access key id
}

type session struct {
	Credential
	role string
}

// Snapshot lists all identities but sessions.
type Snapshot struct {
	Users     []User     `json:"users"`
	Roles     []Role     `json:"roles"`
	Providers []Provider `json:"providers"`
}

// PutUser adds a user, or replaces the one of that ARN: an old access key is forgotten. It returns the user with the key
// that was generated where none was given.
func (d *Directory) PutUser(u User) (User, error) {
	if _, _, err := parse(u.ARN, "user"); err != nil {
		return User{}, err
	}
	if (u.AccessKeyID == "") != (u.AccessKeySecret == "") {
		return User{}, fmt.Errorf("user %s has half an access key: give accessKeyId and accessKeySecret, or neither", u.ARN)
	}
	if u.AccessKeyID == "" {
		u.AccessKeyID, u.AccessKeySecret = random("LTAI", 20), random("", 26)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if other, ok := d.users[u.AccessKeyID]; ok && other.ARN != u.ARN {
		return User{}, fmt.Errorf("access key %s already belongs to %s: give user %s another", u.AccessKeyID, other.ARN, u.ARN)
	}
	maps.DeleteFunc(d.users, func(_ string, old User) bool { return old.ARN == u.ARN })
	if d.users == nil {
		d.users = map[string]User{}
	}
	d.users[u.AccessKeyID] = u
	return u, nil
}

// PutRole adds a role, or replaces the one of that ARN. Its sessions go on, with the new permissions.
func (d *Directory) PutRole(r Role) error {
	if _, _, err := parse(r.ARN, "role"); err != nil {
		return err
	}
	if r.MaxSessionSeconds != 0 && (r.MaxSessionSeconds < 3600 || r.MaxSessionSeconds > 43200) {
		return fmt.Errorf("role %s: maxSessionSeconds is %d: give 3600 to 43200", r.ARN, r.MaxSessionSeconds)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.roles == nil {
		d.roles = map[string]Role{}
	}
	d.roles[r.ARN] = r
	return nil
}

// PutProvider adds an identity provider, or replaces the one of that ARN.
func (d *Directory) PutProvider(p Provider) error {
	if _, _, err := parse(p.ARN, "oidc-provider"); err != nil {
		return err
	}
	if p.Issuer == "" || len(p.Keys.Keys) == 0 || len(p.Audiences) == 0 {
		return fmt.Errorf("provider %s lacks its issuer, jwks or audiences: give all three", p.ARN)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.providers == nil {
		d.providers = map[string]Provider{}
	}
	d.providers[p.ARN] = p
	return nil
}

// Remove deletes the user, role or provider of an ARN. Sessions of a removed role may do nothing any more.
func (d *Directory) Remove(arn string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := len(d.users) + len(d.roles) + len(d.providers)
	maps.DeleteFunc(d.users, func(_ string, u User) bool { return u.ARN == arn })
	delete(d.roles, arn)
	delete(d.providers, arn)
	if len(d.users)+len(d.roles)+len(d.providers) == before {
		return fmt.Errorf("identity %q does not exist: name a user, role or provider by ARN", arn)
	}
	return nil
}

// Snapshot lists all identities but sessions, ordered. Access keys' secrets are left out.
func (d *Directory) Snapshot() Snapshot {
	d.mu.RLock()
	defer d.mu.RUnlock()
	s := Snapshot{
		Users: slices.Collect(maps.Values(d.users)), Roles: slices.Collect(maps.Values(d.roles)),
		Providers: slices.Collect(maps.Values(d.providers)),
	}
	for i := range s.Users {
		s.Users[i].AccessKeySecret = ""
	}
	slices.SortFunc(s.Users, func(a, b User) int { return strings.Compare(a.ARN, b.ARN) })
	slices.SortFunc(s.Roles, func(a, b Role) int { return strings.Compare(a.ARN, b.ARN) })
	slices.SortFunc(s.Providers, func(a, b Provider) int { return strings.Compare(a.ARN, b.ARN) })
	return s
}

// Role returns the role of an ARN.
func (d *Directory) Role(arn string) (Role, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	r, ok := d.roles[arn]
	return r, ok
}

// Provider returns the identity provider of an ARN.
func (d *Directory) Provider(arn string) (Provider, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	p, ok := d.providers[arn]
	return p, ok
}

// Credential returns what an access key id stands for, expired sessions included.
func (d *Directory) Credential(accessKeyID string) (Credential, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if u, ok := d.users[accessKeyID]; ok {
		account, _, _ := parse(u.ARN, "user") // PutUser has checked it
		return Credential{
			AccessKeyID: u.AccessKeyID, AccessKeySecret: u.AccessKeySecret, Inactive: u.Inactive,
			Caller: Caller{ARN: u.ARN, Principal: u.ARN, Account: account, Permissions: u.Permissions},
		}, true
	}
	s, ok := d.sessions[accessKeyID]
	if !ok {
		return Credential{}, false
	}
	c := s.Credential
	c.Caller.Permissions = d.roles[s.role].Permissions
	return c, true
}

// StartSession makes the temporary key of a role that exists.
func (d *Directory) StartSession(role Role, name string, expiration, now time.Time) Credential {
	account, short, _ := parse(role.ARN, "role") // PutRole has checked it
	c := Credential{
		AccessKeyID: random("STS.", 24), AccessKeySecret: secret(33), SecurityToken: secret(300), Expiration: expiration,
		Caller: Caller{ARN: "acs:ram::" + account + ":assumed-role/" + short + "/" + name, Principal: role.ARN, Account: account},
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	// Expired ones are kept a while, so that their users hear that they expired and not that they are unknown.
	maps.DeleteFunc(d.sessions, func(_ string, s session) bool { return now.Sub(s.Expiration) > time.Hour })
	if d.sessions == nil {
		d.sessions = map[string]session{}
	}
	d.sessions[c.AccessKeyID] = session{Credential: c, role: role.ARN}
	return c
}

// ExpireSessions ends all sessions at now, as if their time were over or they were revoked. Users keep their keys.
func (d *Directory) ExpireSessions(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, s := range d.sessions {
		if s.Expiration.After(now) {
			s.Expiration = now
			d.sessions[key] = s
		}
	}
}
