// Package alicloud emulates KMS and STS of Alibaba Cloud at one URL, as its SDKs speak to them: signatures, permissions and
// errors are Alibaba Cloud's. The services stand in folders of their own; this package is the door before them.
package alicloud

import (
	"net/http"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/kms"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/ram"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/rpc"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/sts"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

const (
	// Name is the cloud's name in counters and faults.
	Name = "alicloud"
	// Account is the account that owns all secrets.
	Account = "1234567890123456"
	// Region is where a call goes that names none, as one to the endpoint of a region does.
	Region = "eu-central-1"
)

// Cloud is the emulated Alibaba Cloud. Make it with New.
type Cloud struct {
	clock    func() time.Time
	faults   *fault.Set
	counters *counter.Set

	identities ram.Directory
	nonces     rpc.Nonces
	kms        *kms.Service
	sts        *sts.Service
	labUser    ram.User
}

// New returns an Alibaba Cloud with the lab's identities (see seed) and no secrets.
func New(clock func() time.Time, faults *fault.Set, counters *counter.Set) *Cloud {
	c := &Cloud{clock: clock, faults: faults, counters: counters, kms: kms.New(Account)}
	c.sts = &sts.Service{Directory: &c.identities}
	c.seed()
	return c
}

// RAM returns the identities, to add to.
func (c *Cloud) RAM() *ram.Directory { return &c.identities }

// LabUser returns the user LabUserARN with its access key, which is made anew in each process.
func (c *Cloud) LabUser() ram.User { return c.labUser }

// PutSecrets makes each value the ACSCurrent version of its secret in the region, and creates secrets that do not exist. If
// one is refused, none is written.
func (c *Cloud) PutSecrets(region string, secrets ...kms.Secret) error {
	return c.kms.Put(region, c.clock(), secrets...)
}

// DeleteSecrets removes secrets at once; names that do not exist are passed over.
func (c *Cloud) DeleteSecrets(region string, names ...string) { c.kms.Delete(region, names...) }

// ExpireSessions ends all temporary keys now.
func (c *Cloud) ExpireSessions() { c.identities.ExpireSessions(c.clock()) }

var _ http.Handler = (*Cloud)(nil)
