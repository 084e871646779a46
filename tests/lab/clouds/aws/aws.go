// Package aws emulates Secrets Manager, Parameter Store and STS at one URL, as the AWS SDKs speak to them: signatures,
// permissions and errors are AWS's. The services stand in folders of their own; this package is the door
// before them: it tells them apart, proves callers, lets faults strike, and counts. At the same URL are the metadata of an instance
// and the agent of EKS Pod Identity, which hand out credentials.
package aws

import (
	"net/http"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/metadata"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/ssm"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/sts"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

// Name is the cloud's name in counters and faults.
const Name = "aws"

// Account is the account that owns all secrets and parameters, the one of KES's documents.
const Account = "123456789012"

// Cloud is the emulated AWS. Make it with New.
type Cloud struct {
	clock    func() time.Time
	faults   *fault.Set
	counters *counter.Set

	identities     iam.Directory
	secretsManager *secretsmanager.Service
	parameterStore *ssm.Service
	sts            *sts.Service
	metadata       *metadata.Service
	labUser        iam.User

	json, query *protocol
}

// New returns an AWS with the lab's identities (see seed) and no secrets and parameters.
func New(clock func() time.Time, faults *fault.Set, counters *counter.Set) *Cloud {
	c := &Cloud{
		clock: clock, faults: faults, counters: counters,
		secretsManager: secretsmanager.New(Account), parameterStore: ssm.New(Account),
		json: newJSON(), query: newQuery(),
	}
	c.sts = &sts.Service{Directory: &c.identities}
	c.metadata = &metadata.Service{Directory: &c.identities, Tokens: c.sts}
	c.seed()
	return c
}

// IAM returns the identities, to add to.
func (c *Cloud) IAM() *iam.Directory { return &c.identities }

// LabUser returns the user LabUserARN with its access key, which is made anew in each process.
func (c *Cloud) LabUser() iam.User { return c.labUser }

// PutSecrets makes each value the AWSCURRENT version of its secret in the region, and creates secrets
// that do not exist. If one is refused, none is written.
func (c *Cloud) PutSecrets(region string, secrets ...secretsmanager.Secret) error {
	return c.secretsManager.Put(region, c.clock(), secrets...)
}

// RotateSecrets is PutSecrets for secrets that must exist.
func (c *Cloud) RotateSecrets(region string, secrets ...secretsmanager.Secret) error {
	return c.secretsManager.Rotate(region, c.clock(), secrets...)
}

// DeleteSecrets removes secrets at once, without a recovery window; names that do not exist are passed over.
func (c *Cloud) DeleteSecrets(region string, names ...string) {
	c.secretsManager.Delete(region, names...)
}

// DeleteAllSecrets removes every secret of the region.
func (c *Cloud) DeleteAllSecrets(region string) { c.secretsManager.DeleteAll(region) }

// Secrets lists the region's secrets by name, without values.
func (c *Cloud) Secrets(region string) []secretsmanager.Listed {
	return c.secretsManager.List(region, c.clock())
}

// PutParameters gives parameters of the region a new version, and creates those that do not exist. If one's form is wrong,
// none is written.
func (c *Cloud) PutParameters(region string, parameters ...ssm.Parameter) error {
	return c.parameterStore.Put(region, c.clock(), parameters...)
}

// DeleteParameters removes parameters; names that do not exist are passed over.
func (c *Cloud) DeleteParameters(region string, names ...string) {
	c.parameterStore.Delete(region, names...)
}

// DeleteAllParameters removes every parameter of the region.
func (c *Cloud) DeleteAllParameters(region string) { c.parameterStore.DeleteAll(region) }

// Parameters lists the region's parameters by name, without values.
func (c *Cloud) Parameters(region string) []ssm.Listed { return c.parameterStore.List(region) }

// ExpireSessions ends all temporary credentials now.
func (c *Cloud) ExpireSessions() { c.identities.ExpireSessions(c.clock()) }

var _ http.Handler = (*Cloud)(nil)
