package azure

import (
	"crypto/rand"
	"fmt"

	"github.com/secretgate/secretgate/tests/lab/clouds/azure/entra"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/keyvault"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// LabClientID is the application of the lab's syncer. It may read all secrets of all vaults.
const LabClientID = "5ec4e79a-0000-4000-8000-00000000ab01"

func (c *Cloud) seed() {
	app, err := c.directory.PutApp(entra.App{ClientID: LabClientID, Secret: rand.Text(), Permissions: MayRead("*", "*")})
	if err != nil {
		panic(fmt.Sprintf("the lab's own application is refused: %v", err))
	}
	c.labApp, c.identityHeader = app, rand.Text()
}

// MayRead permits to read the secrets whose names match, and to list all, in the vaults whose names do. Both take * and ?.
func MayRead(vaults, secrets string) permission.Set {
	return permission.Set{
		{Actions: []string{keyvault.GetAction}, Resources: []string{keyvault.Resource(vaults, secrets)}},
		{Actions: []string{keyvault.ListAction}, Resources: []string{keyvault.Vault(vaults)}},
	}
}

// MayReadPublic permits to read the certificates and the public keys whose names match.
func MayReadPublic(vaults, names string) permission.Set {
	return permission.Set{
		{Actions: []string{keyvault.CertificateAction}, Resources: []string{keyvault.Certificates.Resource(vaults, names)}},
		{Actions: []string{keyvault.KeyAction}, Resources: []string{keyvault.Keys.Resource(vaults, names)}},
	}
}
