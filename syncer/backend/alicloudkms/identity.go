package alicloudkms

import (
	"cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/alicloudkms/rpc"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// defaultAudience is that of a ServiceAccount's token where the Store names none: the client id by which ACK registers a cluster.
const defaultAudience = "sts.aliyuncs.com"

// The Store says something that a login or a read cannot be made of.
var (
	errHalfKey = &driver.Error{
		Kind: driver.Invalid, Problem: "the store names the secret of an access key without the Secret of its id",
		Hint: "name the Secrets of both in the store",
	}
	errKeyID = &driver.Error{
		Kind: driver.Unauthenticated, Problem: "what the store's Secret has for the id of an access key is none: an id is of letters and digits",
		Hint: "write the access key's id there, and its secret where the store names that",
	}
	errHalfAccount = &driver.Error{
		Kind: driver.Invalid, Problem: "the store names a ServiceAccount, but not the role and the OIDC provider that go with it",
		Hint: "name both in the store",
	}
	errProvider = &driver.Error{
		Kind: driver.Invalid, Problem: "the store names an OIDC provider, but no role that goes with it",
		Hint: "name both in the store, or neither",
	}
	errNoCredentials = &driver.Error{
		Kind: driver.Invalid, Problem: "this syncer reads no credentials of the cluster", Hint: "use the syncer's own identity",
	}
	errRegion = &driver.Error{
		Kind: driver.Invalid, Problem: "the store's region is none: it becomes part of a host name", Hint: "write a region such as eu-central-1",
	}
)

// identity is who reads. It is comparable, and those who differ in nothing share a session. The zero value is the syncer itself.
type identity struct {
	role       string          // empty: none is assumed
	credential plan.Credential // of the cluster
	identifier plan.Credential // of an access key
	provider   string          // that knows a ServiceAccount's tokens
	roleFrom   plan.Credential // where role must stand still
}

// identityOf is that of a Store. What it has besides is refused: to ignore that would be to read as another identity than its author meant.
func identityOf(store plan.Store) (identity, error) {
	id := identity{role: store.Role}
	none, rest := plan.Credential{}, store
	switch store.Credential.Kind {
	case plan.SecretCredential:
		id.credential, id.identifier = store.Credential, store.Login.Identifier
		rest.Login.Identifier = none
	case plan.OwnCredential:
		id.provider, rest.Mount = store.Mount, ""
	case plan.AccountCredential:
		id.credential, id.provider, id.roleFrom = store.Credential, store.Mount, store.Login.RoleFrom
		id.credential.Audiences = cmp.Or(id.credential.Audiences, defaultAudience)
		rest.Mount, rest.Login.RoleFrom = "", none
	}
	if err := driver.CheckStore(rest, plan.SecretCredential, plan.AccountCredential); err != nil {
		return identity{}, err
	}
	switch {
	case rest.Mount != "", id.isPod() && id.role == "":
		return identity{}, errProvider
	case id.isKey() && id.identifier.Kind != plan.SecretCredential:
		return identity{}, errHalfKey
	case id.isAccount() && (id.role == "" || id.provider == ""):
		return identity{}, errHalfAccount
	}
	return id, nil
}

func (id identity) isKey() bool     { return id.credential.Kind == plan.SecretCredential }
func (id identity) isAccount() bool { return id.credential.Kind == plan.AccountCredential }

// isPod reports whether the pod's own token begins the session of a Store's role.
func (id identity) isPod() bool { return id.credential.Kind == plan.OwnCredential && id.provider != "" }

// by is the identity that assumes the role of another: an access key's own, or the syncer's.
func (id identity) by() identity {
	id.role = ""
	return id
}

// refused reports whether the identity's key is of no use any more, or never was.
func (id identity) refused(err error, used rpc.Key) bool {
	return rpc.Ended(err, used) || id.isKey() && id.role == "" && rpc.RefusesKey(err)
}

// at is where the secrets of a Store's region are read: at the endpoint that is set, unless that is the public one of another region.
func (d *Driver) at(region string) (rpc.Endpoint, error) {
	known, _ := backends.Of(backends.AlicloudKMS)
	if known.Unusable(plan.Location, region) != "" {
		return rpc.Endpoint{}, errRegion
	}
	at, ok := d.kms.In(region)
	switch {
	case !ok:
		return at, &driver.Error{
			Kind:    driver.Invalid,
			Problem: "this syncer reaches KMS at ALICLOUD_ENDPOINT, which is of region " + d.kms.RegionID + " alone, not of " + region,
			Hint:    "name that region, or set ALICLOUD_ENDPOINT to kms." + region + ".aliyuncs.com, or leave it out",
		}
	case at.Host == "":
		return at, errNoEndpoint
	}
	return at, nil
}
