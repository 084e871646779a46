package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/shared/backend"
	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/attack"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/kms"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/ssm"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/keyvault"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/secretmanager"
)

// TestAttacks sends each attack through the webhook, stores it past the webhook, and applies it while the webhook is
// down and need not be asked: no Secret is made, and no backend is called. Then it proves that this would have been seen. It
// touches the webhook and its configurations, counts calls, and so runs beside no other test.
func TestAttacks(t *testing.T) {
	plantTargets(t)
	awaitNoObjects(t)
	before := calls(t)
	t.Run("the webhook", func(t *testing.T) { attackAll(t, false, refused) })
	t.Run("the syncer", func(t *testing.T) {
		leaveUnguarded(t)
		attackAll(t, true, unread(create))
	})
	t.Run("the syncer, while the webhook is down", func(t *testing.T) {
		withoutWebhook(t)
		attackAll(t, false, unread(applyServerSide))
	})
	if diff := cmp.Diff(before, calls(t)); diff != "" {
		t.Errorf("backends were called (-before +after):\n%s", diff)
	}
	wouldHaveBeenSeen(t, before)
}

// placedAttack is an attack in its namespace.
type placedAttack struct {
	attack.Attack
	namespace, name string
}

// attackAll tries every attack, and then looks whether there is any Secret but those that were there before.
func attackAll(t *testing.T, behind bool, try func(*testing.T, placedAttack)) {
	t.Helper()
	attacks, foreign := placed(t, behind)
	t.Run("each", func(t *testing.T) {
		for _, a := range attacks {
			t.Run(a.Name, func(t *testing.T) {
				t.Parallel()
				try(t, a)
			})
		}
	})
	for namespace, secret := range foreign {
		untouched(t, secret)
		if names := kubectl.Must(t, "get", "secrets", "-n", namespace, "-o", "name"); names != "secret/"+secret.Name+"\n" {
			t.Errorf("in namespace %s there are other Secrets than %s: %s", namespace, secret.Name, names)
		}
	}
}

// placed gives attacks of one guard one namespace, and puts a foreign Secret where the first of them would have its own.
func placed(t *testing.T, behind bool) (attacks []placedAttack, foreign map[string]*corev1.Secret) {
	t.Helper()
	namespaces, foreign := map[string]string{}, map[string]*corev1.Secret{}
	for i, a := range attack.All() {
		name, guard := fmt.Sprint("attack-", i), asJSON(t, a.Guard)
		if namespaces[guard] == "" {
			labels := map[string]string{older: "true"} // some annotations would be refused, and nothing may rely on that
			if behind {
				labels[unguarded] = "true"
			}
			namespace := makeNamespace(t, labels, a.Guard)
			kubectl.Must(t, "create", "secret", "generic", "-n", namespace, name, "--from-literal=x=theirs")
			namespaces[guard], foreign[namespace] = namespace, getSecret(t, namespace, name)
		}
		attacks = append(attacks, placedAttack{a, namespaces[guard], name})
	}
	return attacks, foreign
}

// refused sends an attack as any client would, and reads the answer.
func refused(t *testing.T, a placedAttack) {
	t.Helper()
	status, answer := create(t, a)
	want := []string{a.Denied}
	if a.Schema != "" {
		want = append(want, a.Schema)
	}
	if status < 400 || !slices.ContainsFunc(want, func(text string) bool { return strings.Contains(answer, text) }) {
		t.Errorf("the API server answers %d without one of %q: %.800s", status, want, answer)
	}
	if find[apiv1.ExternalSecret](t, externalSecret(a.namespace, a.name)) != nil {
		t.Error("it is stored")
	}
}

// unread stores an attack unseen, and waits until the syncer has said why it reads nothing.
func unread(store func(*testing.T, placedAttack) (status int, answer string)) func(*testing.T, placedAttack) {
	return func(t *testing.T, a placedAttack) {
		t.Helper()
		if a.Schema != "" { // no webhook is needed to refuse it
			if status, answer := create(t, a); status < 400 || !strings.Contains(answer, a.Schema) {
				t.Errorf("the API server answers %d without %q: %.800s", status, a.Schema, answer)
			}
			return
		}
		harness.Eventually(t, func() error { // the API server learns of selectors, labels and failure policies with a delay
			if status, answer := store(t, a); status >= 400 {
				return fmt.Errorf("the API server answers %d: %.800s", status, answer)
			}
			return nil
		})
		stored := getObject(t, a.namespace, a.name)
		errs, reason := attack.Judge(stored, a.namespace, a.Guard, backend.Defaults{Region: theLab.AWSRegion})
		if len(errs) == 0 {
			t.Fatal("as it is stored it is no attack any more")
		}
		if a.Unserved {
			return // nothing is to be waited for: what is not done shows when all others are
		}
		es := awaitReason(t, a.namespace, a.name, reason)
		if !strings.HasPrefix(es.Status.Status, "ERROR, ") || !strings.Contains(es.Status.Status, a.Denied) {
			t.Errorf("the status does not hold %q: %.800s", a.Denied, es.Status.Status)
		}
	}
}

func create(t *testing.T, a placedAttack) (status int, answer string) {
	t.Helper()
	manifest, err := a.Manifest(a.name)
	if err != nil {
		t.Fatal(err)
	}
	return send(t, http.MethodPost, "/apis/kubernetes-client.io/v1/namespaces/"+a.namespace+"/externalsecrets", "application/json", asJSON(t, manifest))
}

// send is one request to the API server, for what no command line can hold. Of a failure it returns what kubectl would print.
func send(t *testing.T, method, path, contentType, content string) (status int, answer string) {
	t.Helper()
	return answered(t, apiServer.Do(t.Context(), method, path, contentType, []byte(content), nil))
}

// plantTargets puts there what the attacks are after.
func plantTargets(t *testing.T) {
	t.Helper()
	value := secretValue()
	for _, name := range []string{"prod/db", "dev/core/a", "dev/core/db"} {
		putAWS(t, name, asJSON(t, map[string]string{"x": value}))
		putAlicloud(t, kms.Secret{Name: name, Text: asJSON(t, map[string]string{"x": value})})
		putParameters(t, ssm.Parameter{Name: "/" + name, Value: value})
		putVault(t, name, map[string]any{"x": value})
	}
	for _, name := range []string{"prod-db", "dev-core-a"} {
		for _, vault := range []string{"prod-vault", "core-vault"} {
			putAzure(t, vault, keyvault.Secret{Name: name, Value: asJSON(t, map[string]string{"x": value})})
		}
		putGoogle(t, secretmanager.Secret{Name: name, String: asJSON(t, map[string]string{"x": value})})
	}
}

// awaitNoObjects waits until no object of an earlier test is left to be refreshed.
func awaitNoObjects(t *testing.T) {
	t.Helper()
	harness.Eventually(t, func() error {
		if left := kubectl.Must(t, "get", "externalsecrets", "--all-namespaces", "-o", "name"); strings.Contains(left, "externalsecret") {
			return fmt.Errorf("there are ExternalSecrets of earlier tests: %s", left)
		}
		return nil
	})
}

// calls is what the clouds have answered, and what the syncer says that it asked of each backend, Vault among them.
func calls(t *testing.T) map[string]int {
	t.Helper()
	counted := map[string]int{"all clouds": theLab.Clouds.Counters().Sum(counter.Key{})}
	series, err := harness.MustScrape(t, theLab.Syncer.MetricsAddress).Series("secretgate_backend_requests_total")
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range series {
		counted[one.Label("backend")] += int(one.Value)
	}
	return counted
}

// wouldHaveBeenSeen reads a target of each backend in a namespace without limits.
func wouldHaveBeenSeen(t *testing.T, before map[string]int) {
	t.Helper()
	namespace := newNamespace(t, nil)
	specs := map[string]string{
		"secretsManager":         "dataFrom: [prod/db]",
		"systemManager":          "data: [{key: /prod/db, name: x}]",
		"vault":                  "vaultMountPoint: kubernetes, vaultRole: my-vault-role, dataFrom: [secret/data/prod/db]",
		"azureKeyVault":          "keyVaultName: prod-vault, dataFrom: [prod-db]",
		"gcpSecretsManager":      "projectId: my-gsm-secret-project, dataFrom: [prod-db]",
		"alicloudSecretsManager": "roleArn: 'acs:ram::1234567890123456:role/demo', dataFrom: [prod/db]",
	}
	for name, spec := range specs {
		kubectl.MustApply(t, namespace, object(strings.ToLower(name), "{backendType: "+name+", "+spec+"}"))
	}
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		awaitReason(t, namespace, strings.ToLower(name), plan.ReasonSynced)
	}
	after := calls(t)
	for _, name := range append(slices.Sorted(maps.Keys(specs)), "all clouds") {
		if after[name] <= before[name] {
			t.Errorf("a read of %s would not have been seen: %d calls before, %d after", name, before[name], after[name])
		}
	}
}
