package e2e

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/tests/docs/fence"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
)

// esoPage has commands for a cluster with the objects of External Secrets Operator, which the lab of all tests has not: with their CRDs,
// the names of ours mean theirs.
const esoPage = "shared/dialect/eso/README.md"

// withESO is what the lab has installed, with the dialect.
const withESO = `
resources: [KUSTOMIZE/overlays/local]
components: [KUSTOMIZE/components/dialects/eso]
patches:
  - target: {kind: ValidatingWebhookConfiguration}
    patch: |
      - {op: test, path: /webhooks/3/name, value: validate.eso.secretgate.io}
      - {op: replace, path: /webhooks/3/clientConfig, value: {url: "https://127.0.0.1:9443/validate"}}
`

// newESOSite is a cluster in which both services serve External Secrets Operator's objects, too.
func newESOSite(t *testing.T) (*site, auditLogFile) {
	t.Helper()
	s, log := newAuditedSite(t, lab.Options{Services: true})
	s.lab.Webhook.Stop()
	s.lab.Syncer.Stop()
	manifests := s.build(t, s.compose(t, map[string]string{"kustomization.yaml": withESO}))
	s.kubectl.MustApply(t, "", strings.ReplaceAll(manifests, "https://127.0.0.1:9443/", "https://"+s.lab.WebhookBalancer.Addr()+"/"))
	s.addKindsOfESO(t, filepath.Join(s.lab.Root, "crds", "eso"))
	for _, service := range []*lab.Service{s.lab.Webhook, s.lab.Syncer} {
		service.Args = append(service.Args, "--dialects=kes,eso", "--vault-servers="+s.lab.VaultAddr, "--min-refresh-interval=1s")
		if err := service.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return s, log
}

// TestComingFromESO runs the commands of the dialect's page, and looks for the Secrets and the refusal that it promises.
func TestComingFromESO(t *testing.T) {
	t.Parallel()
	s, log := newESOSite(t)
	const namespace = "secrets-demo"
	stored := secretsmanager.Secret{Name: "demo/aws-sm/ext-postgres-secret", String: `{"username":"admin","password":"S3cr3tPassw0rd"}`}
	if err := s.lab.Clouds.AWS().PutSecrets("eu-central-1", stored); err != nil {
		t.Fatal(err)
	}
	programs, calls := standIns(t)
	user := newShellOf(t, s.lab, namespace, programs)
	user.addCheckout(t)
	user.env = append(user.env, "AWS_ACCESS_KEY_ID="+s.lab.AWSAccessKeyID, "AWS_SECRET_ACCESS_KEY="+s.lab.AWSSecretAccessKey)

	var commands []fence.Block
	for _, b := range fence.Read(esoPage, []byte(readPage(t, esoPage))) {
		if b.Language == "sh" {
			commands = append(commands, b)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			said, err := s.kubectl.Run(context.Background(), "get", "externalsecrets.external-secrets.io", "--all-namespaces",
				"--output=jsonpath={range .items[*]}{.metadata.name}: {.status.conditions}{\"\\n\"}{end}")
			t.Log(said, err)
		}
	})
	user.runBlocks(t, commands, strings.NewReplacer("https://vault.example.com:8200", s.lab.VaultAddr), calls)
	want := map[string]string{"username": "admin", "password": "S3cr3tPassw0rd"}
	for _, name := range []string{"ext-vault-secret", "ext-postgres-secret"} {
		secret, err := harness.Get[secretData](t.Context(), s.apiServer, harness.Secret(namespace, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := harness.Holds(secret.Data, want); err != nil {
			t.Errorf("Secret %s: %v", name, err)
		}
	}
	refused := `{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: denied}, spec: {
		secretStoreRef: {name: secretstore-vault}, data: [{secretKey: a, remoteRef: {key: prod/db}}]}}`
	const denial = `spec.data[0].remoteRef.key: Forbidden: "secret/data/prod/db" is not permitted in namespace "secrets-demo"`
	if _, err := s.kubectl.Apply(t.Context(), namespace, refused); err == nil || !strings.Contains(err.Error(), denial) {
		t.Errorf("got %v, want a denial that says %q", err, denial)
	}
	for _, service := range []string{"webhook", "syncer"} {
		if _, refused := log.requests(t, service, nil); len(refused) > 0 {
			t.Errorf("the API server refused the %s %q, want the component to grant what it needs", service, refused)
		}
	}
}

type secretData struct {
	Data map[string][]byte `json:"data"`
}
