package awssession

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// maxChain is how many roles may be assumed before the last one: each takes a call of STS an hour.
const maxChain = 10

// identity is who reads. It is comparable, and those who differ in nothing share a session. The zero value is the identity that the SDK's
// chain finds.
type identity struct {
	region  string    // whose STS is asked; empty where none is
	proof   proof     // what the first session is begun with
	chain   plan.List // the roles that are assumed before, one by the other
	role    string    // empty: it is that of the proof
	options           // that go with assuming the role
}

// proof is what an identity proves itself by. The zero value is the SDK's chain.
type proof struct {
	credential          plan.Credential // of the cluster
	identifier, session plan.Credential // of an access key
	account             string          // the role that a ServiceAccount is
	roleFrom            plan.Credential // where that must stand still
}

// options are what STS is told when a role is assumed.
type options struct {
	externalID       string
	tags, transitive plan.List
	tenant           plan.Tenant // which the session is tagged with, too
}

// identity is the one that reads a Store. The syncer's own assumes the intermediate role first, if there is one.
func (s *Sessions) identity(store plan.Store) (identity, error) {
	login, roles := store.Login, store.Login.Chain.Texts()
	if len(roles) > maxChain {
		return identity{}, awserror.ErrLongChain
	}
	if store.Role != "" {
		roles = append(roles, store.Role)
	}
	id := identity{
		region:  cmp.Or(s.config.Region, store.Location),
		options: options{login.ExternalID, login.Tags, login.Transitive, store.Tenant},
	}
	if err := id.check(); err != nil {
		return identity{}, err
	}
	var err error
	switch store.Credential.Kind {
	case plan.SecretCredential:
		id.proof, err = keyOf(store)
	case plan.AccountCredential:
		id.proof, roles, err = accountOf(store, roles)
	default:
		if hop := s.config.IntermediateRoleARN; hop != "" && (len(roles) == 0 || roles[0] != hop) {
			roles = slices.Insert(roles, 0, hop)
		}
	}
	if err != nil {
		return identity{}, err
	}
	return id.assumes(roles)
}

// keyOf is the proof of a Store with an access key.
func keyOf(store plan.Store) (proof, error) {
	p := proof{credential: store.Credential, identifier: store.Login.Identifier, session: store.Login.Session}
	none := plan.Credential{}
	if p.identifier.Kind != plan.SecretCredential || p.session != none && p.session.Kind != plan.SecretCredential {
		return p, awserror.ErrHalfKey
	}
	return p, nil
}

// accountOf is the proof of a Store with a ServiceAccount, and the roles to assume after the ServiceAccount's own. A Store that does not
// tell these apart has one.
func accountOf(store plan.Store, roles []string) (proof, []string, error) {
	p := proof{credential: store.Credential, account: store.Login.Account, roleFrom: store.Login.RoleFrom}
	if p.credential.Audiences == "" {
		p.credential.Audiences = awserror.DefaultAudience
	}
	switch {
	case p.account != "":
	case len(roles) != 1:
		return p, nil, awserror.ErrNoAccountRole
	default:
		p.account, roles = roles[0], nil
	}
	return p, roles, nil
}

// assumes is the identity once it has assumed the roles.
func (id identity) assumes(roles []string) (identity, error) {
	n := len(roles)
	switch {
	case n > 0:
		id.chain, id.role = plan.ListOf(roles[:n-1]...), roles[n-1]
		return id, nil
	case id.externalID != "" || id.tags != "":
		return identity{}, awserror.ErrOptionsWithoutRole
	case id.tenant != plan.Tenant{} && id.proof == proof{}:
		return identity{}, awserror.ErrNoRole
	case id.tenant != plan.Tenant{}:
		return identity{}, awserror.ErrNoRoleOfStore
	}
	return id.first(), nil
}

// first is the identity of the proof alone.
func (id identity) first() identity {
	if id.proof.account == "" {
		return identity{proof: id.proof} // of which no STS knows
	}
	return identity{region: id.region, proof: id.proof}
}

// by is the identity that assumes the role of another. STS is told nothing of why: one session of it does for all tenants.
func (id identity) by() identity {
	before := id.chain.Texts()
	n := len(before)
	if n == 0 {
		return id.first()
	}
	return identity{region: id.region, proof: id.proof, chain: plan.ListOf(before[:n-1]...), role: before[n-1]}
}

// name is what messages call it: its role, and the credential that leads there.
func (id identity) name() string {
	role, by := cmp.Or(id.role, id.proof.account), driver.Proof(id.proof.credential)
	switch {
	case role == "":
		return by
	case id.proof == proof{}:
		return role
	}
	return role + " (by " + by + ")"
}

// refused reports whether the identity's credentials are of no use any more, or never were.
func (id identity) refused(err error, used aws.Credentials) bool {
	isKey := id.role == "" && id.proof.credential.Kind == plan.SecretCredential
	return awserror.Expired(err, used) || isKey && awserror.RefusesKey(err)
}

// check refuses tags that would be taken for those which the syncer gives, and a list of transitive tags with others than the Store's.
func (o options) check() error {
	var keys []string
	for _, tag := range o.tags.Texts() {
		key, _, _ := strings.Cut(tag, "=")
		if key == "" || strings.HasPrefix(strings.ToLower(key), awserror.TagPrefix) {
			return awserror.ErrReservedTag
		}
		keys = append(keys, key)
	}
	for _, key := range o.transitive.Texts() {
		if !slices.Contains(keys, key) {
			return awserror.ErrTransitive
		}
	}
	return nil
}
