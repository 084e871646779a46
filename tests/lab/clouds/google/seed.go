package google

import (
	"fmt"

	"github.com/secretgate/secretgate/tests/lab/clouds/google/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// What every emulated Google Cloud starts with.
const (
	// LabProject is the project of KES's documents.
	LabProject       = "my-gsm-secret-project"
	LabProjectNumber = "310987654321"
	// LabAccount may read all secrets of all projects. The metadata server speaks for it.
	LabAccount = "secretgate-lab@" + LabProject + ".iam.gserviceaccount.com"
)

// Audience is what a JWT that a service account signed itself for Secret Manager must name.
const Audience = "https://secretmanager.googleapis.com/"

func (c *Cloud) seed() {
	err := c.secrets.PutProject(LabProject, LabProjectNumber)
	if err == nil {
		err = c.identities.PutAccount(iam.Account{Email: LabAccount, Permissions: permission.Set{
			{Actions: []string{"secretmanager.versions.access"}, Resources: []string{"*"}},
		}})
	}
	if err != nil {
		panic(fmt.Sprintf("what the lab itself starts with is refused: %v", err))
	}
	c.attached = LabAccount
}
