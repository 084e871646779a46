package e2e

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"path"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/dialect/tuenti/v1alpha1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// serveDefinitions starts a syncer that serves the SecretDefinitions of one namespace, which reads every second, and what belongs
// to ExternalSecrets every hour. Flags and variables come after these.
func serveDefinitions(t *testing.T, namespace string, flags []string, env ...string) *ownSyncer {
	t.Helper()
	flags = append([]string{"--secret-definitions", "--watch-namespaces=" + namespace, "--reconcile-period=1s"}, flags...)
	return startSyncerWith(t, namespace, flags, append([]string{"POLLER_INTERVAL_MILLISECONDS=3600000"}, env...)...)
}

// login is an AppRole of the lab's Vault.
type login struct{ mount, name, roleID, secretID string }

// appRole makes one that may read what the lab's role may.
func appRole(t *testing.T, mount string, settings map[string]any) login {
	t.Helper()
	l := login{mount: mount, name: strings.ToLower(rand.Text()[:10])}
	body := map[string]any{"token_policies": lab.VaultPolicy}
	maps.Copy(body, settings)
	role := path.Join("auth", mount, "role", l.name)
	vault := theLab.Vault().Logical()
	if _, err := vault.WriteWithContext(t.Context(), role, body); err != nil {
		t.Fatal(err)
	}
	id, err := vault.ReadWithContext(t.Context(), role+"/role-id")
	if err != nil {
		t.Fatal(err)
	}
	secret, err := vault.WriteWithContext(t.Context(), role+"/secret-id", nil)
	if err != nil {
		t.Fatal(err)
	}
	l.roleID, l.secretID = fmt.Sprint(id.Data["role_id"]), fmt.Sprint(secret.Data["secret_id"])
	plant(l.secretID)
	return l
}

// env passes the login to a syncer.
func (l login) env() []string {
	return []string{"VAULT_ROLE_ID=" + l.roleID, "VAULT_SECRET_ID=" + l.secretID}
}

// definition is the manifest of a SecretDefinition; keysMap is YAML on one line.
func definition(name, secret, keysMap string) string {
	return fmt.Sprintf("apiVersion: secrets-manager.tuenti.io/v1alpha1\nkind: SecretDefinition\nmetadata: {name: %s}\nspec: {name: %s, keysMap: %s}\n",
		name, secret, keysMap)
}

func getDefinition(t *testing.T, namespace, name string) *v1alpha1.SecretDefinition {
	t.Helper()
	d := find[v1alpha1.SecretDefinition](t, secretDefinition(namespace, name))
	if d == nil {
		t.Fatalf("there is no SecretDefinition %s/%s", namespace, name)
	}
	return d
}

// awaitDefinition waits until condition Ready of the object's present generation has this reason, and its status holds a text.
func awaitDefinition(t *testing.T, namespace, name string, want plan.Reason, text string) *v1alpha1.SecretDefinition {
	t.Helper()
	return awaitReport[v1alpha1.SecretDefinition](t, apiServer, secretDefinition(namespace, name), want, text)
}

// awaitSeries waits until a syncer shows a series that starts and ends like this.
func awaitSeries(t *testing.T, address, start, end string) {
	t.Helper()
	harness.Eventually(t, func() error {
		for line := range strings.Lines(string(harness.MustScrape(t, address))) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, start) && strings.HasSuffix(line, end) {
				return nil
			}
		}
		return errors.New("there is no series " + start + " … " + end)
	})
}
