package e2e

import (
	"testing"

	"github.com/secretgate/secretgate/tests/docs/fence"
	"github.com/secretgate/secretgate/tests/lab"
)

// sealedPage has commands for a cluster with SealedSecrets, which the lab of all tests has not.
const sealedPage = "shared/dialect/sealed/README.md"

// TestComingFromSealedSecrets runs the commands of the dialect's page, where the controller of Sealed Secrets had its keys in kube-system,
// and looks for the Secret and the refusal that it promises.
func TestComingFromSealedSecrets(t *testing.T) {
	t.Parallel()
	s := newSealedSite(t)
	tool(t, s.lab, "kubeseal") // which the shell finds in PATH
	old := newSealingKey(t)
	s.kubectl.MustApply(t, "", old.secretIn("kube-system", "sealed-secrets-key5x2wq"))
	programs, calls := standIns(t)
	user := newShellOf(t, s.lab, "default", programs)
	user.addCheckout(t)
	user.env = append(user.env, "SEALED_SECRETS_CONTROLLER_NAMESPACE="+lab.Namespace) // which the page has users set in their profile
	var commands []fence.Block
	for _, b := range fence.Read(sealedPage, []byte(readPage(t, sealedPage))) {
		if b.Language == "sh" {
			commands = append(commands, b)
		}
	}
	user.runBlocks(t, commands, placeholders(), calls)
	const namespace = "secrets-demo"
	s.holds(t, namespace, "ss-postgres-secret", map[string]string{"username": "admin", "password": "S3cr3tPassw0rd"})
	wide := s.seal(t, namespace, "denied", map[string]string{"a": secretValue()}, "--scope=cluster-wide")
	s.denies(t, "a scope that the page forbids", wide, `"cluster-wide" is not permitted in namespace "secrets-demo"`)
	s.apply(t, s.seal(t, namespace, "older", map[string]string{"a": "x"}, "--cert="+old.file))
	s.holds(t, namespace, "older", map[string]string{"a": "x"})
}
