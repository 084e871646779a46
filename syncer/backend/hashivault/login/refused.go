package login

import (
	"hash/maphash"
	"time"

	"k8s.io/utils/lru"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/wire"
)

// When a secret id that Vault does not know is tried again, though it is still the same. Vault counts these, and after the fifth locks
// the AppRole for all who log in as it; it forgets them when there was none for 15 minutes. Another replica may count, too.
// https://developer.hashicorp.com/vault/docs/concepts/user-lockout
const (
	secondTry = 10 * time.Second // a node of Vault that lags behind will know it then
	nextTry   = 16 * time.Minute
)

// refusals are the logins that are not to be tried again for now. They hold no secret id.
type refusals struct {
	seed maphash.Seed
	held *lru.Cache // refusal by attempt
}

// maxRefusals bounds how many are kept, since tenants write stores and secret ids. Beyond it, one of them is tried sooner.
const maxRefusals = 4096

func newRefusals() *refusals { return &refusals{maphash.MakeSeed(), lru.New(maxRefusals)} }

// attempt is a login by one secret. It is comparable.
type attempt struct {
	identity
	role, secret uint64 // digests, of no use outside of this process
}

type refusal struct {
	err   error
	until time.Time
}

func (r *refusals) attempt(id identity, p proof) attempt {
	return attempt{id, maphash.String(r.seed, p.role), maphash.String(r.seed, p.secret)}
}

func (r *refusals) of(a attempt) refusal {
	known, _ := r.held.Get(a)
	last, _ := known.(refusal)
	return last
}

// err is what Vault said of an attempt that is not to be made again yet; nil: it may be made.
func (r *refusals) err(a attempt, now time.Time) error {
	if last := r.of(a); now.Before(last.until) {
		return last.err
	}
	return nil
}

// learn takes in what came of an attempt.
func (r *refusals) learn(a attempt, err error, now time.Time) {
	switch last := r.of(a); {
	case err == nil:
		r.held.Remove(a)
	case a.method != backend.VaultAppRole || !wire.Says(err, "invalid role or secret ID"): // which Vault does not count
	case last.err == nil:
		r.held.Add(a, refusal{err, now.Add(secondTry)})
	default:
		r.held.Add(a, refusal{err, now.Add(nextTry)})
	}
}
