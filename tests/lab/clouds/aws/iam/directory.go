package iam

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
	users     map[string]user     // by access key id
	roles     map[string]role     // by ARN
	sessions  map[string]session  // by access key id
	providers map[string]Provider // by issuer
}

type user struct {
	User
	id string
}

type role struct {
	Role
	id string
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

// PutUser adds a user, or replaces the one of that ARN: an old access key is forgotten. It returns the
// user with the keys that were generated where none were given.
func (d *Directory) PutUser(u User) (User, error) {
	if _, _, err := parse(u.ARN, "user"); err != nil {
		return User{}, err
	}
	if (u.AccessKeyID == "") != (u.SecretAccessKey == "") {
		return User{}, fmt.Errorf("user %s has half an access key: give accessKeyId and secretAccessKey, or neither", u.ARN)
	}
	if u.AccessKeyID == "" {
		u.AccessKeyID, u.SecretAccessKey = uniqueID("AKIA"), secret(30)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if other, ok := d.users[u.AccessKeyID]; ok && other.ARN != u.ARN {
		return User{}, fmt.Errorf("access key %s already belongs to %s: give user %s another", u.AccessKeyID, other.ARN, u.ARN)
	}
	maps.DeleteFunc(d.users, func(_ string, old user) bool { return old.ARN == u.ARN })
	if d.users == nil {
		d.users = map[string]user{}
	}
	d.users[u.AccessKeyID] = user{User: u, id: uniqueID("AIDA")}
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
	id := uniqueID("AROA")
	if old, ok := d.roles[r.ARN]; ok {
		id = old.id
	}
	if d.roles == nil {
		d.roles = map[string]role{}
	}
	d.roles[r.ARN] = role{Role: r, id: id}
	return nil
}

// PutProvider adds an OpenID Connect provider, or replaces the one of that issuer.
func (d *Directory) PutProvider(p Provider) error {
	if p.Issuer == "" || len(p.Keys.Keys) == 0 || len(p.Audiences) == 0 {
		return fmt.Errorf("provider %q lacks its issuer, jwks or audiences: give all three", p.Issuer)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.providers == nil {
		d.providers = map[string]Provider{}
	}
	d.providers[p.Issuer] = p
	return nil
}

// Remove deletes the user or role of an ARN, or the provider of an issuer. Sessions of a removed role
// may do nothing any more.
func (d *Directory) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := len(d.users) + len(d.roles) + len(d.providers)
	maps.DeleteFunc(d.users, func(_ string, u user) bool { return u.ARN == name })
	delete(d.roles, name)
	delete(d.providers, name)
	if len(d.users)+len(d.roles)+len(d.providers) == before {
		return fmt.Errorf("identity %q does not exist: name a user or role by ARN, or a provider by issuer", name)
	}
	return nil
}

// Snapshot lists all identities but sessions, ordered. Secret access keys are left out.
func (d *Directory) Snapshot() Snapshot {
	d.mu.RLock()
	defer d.mu.RUnlock()
	s := Snapshot{Users: []User{}, Roles: []Role{}, Providers: []Provider{}}
	for _, u := range d.users {
		u.SecretAccessKey = ""
		s.Users = append(s.Users, u.User)
	}
	for _, r := range d.roles {
		s.Roles = append(s.Roles, r.Role)
	}
	for _, p := range d.providers {
		s.Providers = append(s.Providers, p)
	}
	slices.SortFunc(s.Users, func(a, b User) int { return strings.Compare(a.ARN, b.ARN) })
	slices.SortFunc(s.Roles, func(a, b Role) int { return strings.Compare(a.ARN, b.ARN) })
	slices.SortFunc(s.Providers, func(a, b Provider) int { return strings.Compare(a.Issuer, b.Issuer) })
	return s
}

// Role returns the role of an ARN.
func (d *Directory) Role(arn string) (Role, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	r, ok := d.roles[arn]
	return r.Role, ok
}

// Associated returns the role that EKS Pod Identity associates with a service account, by its token's subject.
func (d *Directory) Associated(subject string) (Role, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, r := range d.roles {
		if slices.Contains(r.PodIdentity, subject) {
			return r.Role, true
		}
	}
	return Role{}, false
}

// Provider returns the provider of an issuer.
func (d *Directory) Provider(issuer string) (Provider, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	p, ok := d.providers[issuer]
	return p, ok
}

// Credential returns what an access key id stands for, expired sessions included.
func (d *Directory) Credential(accessKeyID string) (Credential, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if u, ok := d.users[accessKeyID]; ok {
		return Credential{
			AccessKeyID:     u.AccessKeyID,
			SecretAccessKey: u.SecretAccessKey,
			Caller:          Caller{ARN: u.ARN, Principal: u.ARN, UserID: u.id, Account: account(u.ARN), Permissions: u.Permissions},
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

// Session is what a session of a role is begun with.
type Session struct {
	Name       string
	Tags       map[string]string
	Transitive []string // keys of Tags
	Expiration time.Time
}

// StartSession makes temporary credentials of a role.
func (d *Directory) StartSession(roleARN string, of Session, now time.Time) (Credential, error) {
	acc, path, err := parse(roleARN, "role")
	if err != nil {
		return Credential{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ok := d.roles[roleARN]
	if !ok {
		return Credential{}, fmt.Errorf("role %s does not exist", roleARN)
	}
	// Expired ones are kept a while, so that their users hear that they expired and not that they are unknown.
	maps.DeleteFunc(d.sessions, func(_ string, s session) bool { return now.Sub(s.Expiration) > time.Hour })
	if d.sessions == nil {
		d.sessions = map[string]session{}
	}
	shortName := path[strings.LastIndex(path, "/")+1:]
	c := Credential{
		AccessKeyID:     uniqueID("ASIA"),
		SecretAccessKey: secret(30),
		SessionToken:    secret(180),
		Expiration:      of.Expiration,
		Caller: Caller{
			ARN:        "arn:aws:sts::" + acc + ":assumed-role/" + shortName + "/" + of.Name,
			Principal:  roleARN,
			UserID:     r.id + ":" + of.Name,
			Account:    acc,
			Session:    true,
			Tags:       of.Tags,
			Transitive: of.Transitive,
		},
	}
	d.sessions[c.AccessKeyID] = session{Credential: c, role: roleARN}
	return c, nil
}

// ExpireSessions ends all sessions at now, as if their time were over. Users keep their keys.
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
