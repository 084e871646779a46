package e2e

import (
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/lab"
)

// GODEBUG=fips140=only fails whatever is not FIPS 140-3's: TLS with the API server and with callers, AWS's signatures, logins to Vault,
// the webhook's own certificates. It is what an ordinary build does under that setting, which one of GOFIPS140 does alike.
func TestBothServicesWorkWithFIPSAlone(t *testing.T) {
	const only = "GODEBUG=fips140=only"
	replica, err := theLab.NewWebhook("fips", lab.Extra{Env: []string{only}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(replica.Stop)
	start(t, replica)
	namespace, value := newNamespace(t, nil), secretValue()
	putAWS(t, namespace+"/db", value)
	putVault(t, namespace, map[string]any{"password": value})
	s := startSyncer(t, namespace, only, "DEFAULT_VAULT_MOUNT_POINT=my-kubernetes-vault-mount-point", "DEFAULT_VAULT_ROLE=my-vault-role",
		"AWS_SM_ENDPOINT="+theLab.AWSEndpoint, "AWS_STS_ENDPOINT="+theLab.AWSEndpoint)
	kubectl.MustApply(t, namespace, s.object("aws", "{backendType: secretsManager, data: [{key: "+namespace+"/db, name: password}]}"))
	kubectl.MustApply(t, namespace, s.object("vault", "{backendType: vault, dataFrom: [secret/data/"+namespace+"]}"))
	for _, name := range []string{"aws", "vault"} {
		awaitData(t, namespace, name, map[string]string{"password": value})
		awaitReason(t, namespace, name, plan.ReasonSynced)
	}
	s.stopsCleanly(t)
}
