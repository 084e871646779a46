package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/tests/docs/fence"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// examples is where they are.
const examples = "kustomize/docs/examples/"

// example is a folder that users copy, and what it promises.
type example struct {
	prepare    func(t *testing.T, s *shell) // what the backends hold, as the README's words and stand-ins do not
	namespaces []string                     // that it makes
	secrets    map[string]promised          // by namespace/name, without a namespace in the shell's own
	refused    map[string]string            // manifests, and what is said of them
}

type promised struct {
	kind    corev1.SecretType
	entries []string
}

func theExamples() map[string]example {
	const (
		pair         = "kubernetes.io/tls"
		read         = "backendType: secretsManager, region: eu-central-1, "
		checkoutRole = "arn:aws:iam::123456789012:role/checkout-secrets"
	)
	inNamespace := func(namespace, spec string) string { return object("attempt, namespace: "+namespace, "{"+spec+"}") }
	ofVault := func(role, key string) string {
		return inNamespace("orders", "backendType: vault, vaultMountPoint: kubernetes, vaultRole: "+role+", data: [{key: "+key+", name: a, property: a}]")
	}
	return map[string]example{
		"eks": {
			prepare: prepareEKS, namespaces: []string{"checkout"},
			secrets: map[string]promised{
				"checkout/db": {"Opaque", []string{"password", "username"}}, "checkout/payment-api": {"Opaque", []string{"token"}},
			},
			refused: map[string]string{
				inNamespace("checkout", read+"roleArn: '"+checkoutRole+"', data: [{key: orders/db, name: a}]"): `"orders/db" is not permitted`,
				inNamespace("checkout", read+"data: [{key: checkout/db, name: a}]"):                            "spec.roleArn: Required",
			},
		},
		"vault-on-prem": {
			prepare: prepareVault, namespaces: []string{"orders", "stock"},
			secrets: map[string]promised{
				"orders/db": {"Opaque", []string{"password", "username"}}, "stock/db": {"Opaque", []string{"password", "username"}},
			},
			refused: map[string]string{
				ofVault("stock", "secret/data/orders/db"): `"stock" is not permitted`,
				ofVault("orders", "secret/data/stock/db"): `"secret/data/stock/db" is not permitted`,
			},
		},
		"multi-tenant": {
			prepare: prepareTenants, namespaces: []string{"red", "blue"},
			secrets: map[string]promised{
				"red/db": {"Opaque", []string{"ca.crt", "password"}}, "blue/db": {"Opaque", []string{"ca.crt", "password"}},
			},
		},
		"docker-pull-secret": {prepare: prepareDocker, secrets: map[string]promised{
			"registry": {"kubernetes.io/dockerconfigjson", []string{".dockerconfigjson"}},
		}},
		"tls": {prepare: prepareTLS, secrets: map[string]promised{
			"web-tls": {pair, []string{"tls.crt", "tls.key"}}, "api-tls": {pair, []string{"tls.crt", "tls.key"}},
		}},
	}
}

// TestExamples copies each folder of the examples, runs the commands of its README, and looks for the Secrets and refusals that it promises.
func TestExamples(t *testing.T) {
	t.Parallel()
	known := theExamples()
	for _, folder := range folders(t, filepath.Join(theLab.Root, filepath.FromSlash(examples))) {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			e, listed := known[folder]
			if !listed {
				t.Fatal("got an example that the table of the test does not know, want a line for it")
			}
			e.run(t, folder)
		})
	}
}

func (e example) run(t *testing.T, folder string) {
	t.Helper()
	namespace := newNamespace(t, nil)
	programs, calls := standIns(t)
	s := newShell(t, namespace, programs)
	if err := os.CopyFS(s.folder, os.DirFS(filepath.Join(theLab.Root, filepath.FromSlash(examples), folder))); err != nil {
		t.Fatal(err)
	}
	for _, name := range e.namespaces {
		t.Cleanup(func() { _, _ = kubectl.Run(context.Background(), "delete", "namespace", name, "--wait=false") })
	}
	e.prepare(t, s)

	page := examples + folder + "/README.md"
	var commands []fence.Block
	for _, b := range fence.Read(page, []byte(readPage(t, page))) {
		if b.Language == "sh" {
			commands = append(commands, b)
		}
	}
	// The lab's syncer shows Vault the token by which the API server knows it, which is of another audience.
	s.runBlocks(t, commands, strings.NewReplacer(" audience=vault", ""), calls)
	for name, want := range e.secrets {
		in, name, found := strings.Cut(name, "/")
		if !found {
			in, name = namespace, in
		}
		want.check(t, in, name)
	}
	for manifest, text := range e.refused {
		if _, err := kubectl.Apply(t.Context(), "", manifest); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want a refusal that says %q of\n%s", err, text, manifest)
		}
	}
	compareConsoles(t, s, page)
}

func (p promised) check(t *testing.T, namespace, name string) {
	t.Helper()
	secret := getSecret(t, namespace, name)
	if secret == nil {
		t.Errorf("got no Secret %s/%s, want it", namespace, name)
		return
	}
	if secret.Type != p.kind {
		t.Errorf("%s: got type %s, want %s", name, secret.Type, p.kind)
	}
	for _, entry := range p.entries {
		if len(secret.Data[entry]) == 0 {
			t.Errorf("%s: got no entry %s, want one", name, entry)
		}
	}
	if len(secret.Data) != len(p.entries) {
		t.Errorf("%s: got %d entries, want %d", name, len(secret.Data), len(p.entries))
	}
}

// compareConsoles runs the commands of a page's output and compares. Pages break long lines.
func compareConsoles(t *testing.T, s *shell, page string) {
	t.Helper()
	for _, b := range fence.Read(page, []byte(readPage(t, page))) {
		if b.Language != "console" {
			continue
		}
		command, output, _ := strings.Cut(strings.TrimPrefix(b.Text, "$ "), "\n")
		said, _ := s.run(t.Context(), command)
		if got, want := strings.Join(strings.Fields(said), " "), strings.Join(strings.Fields(output), " "); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", b, got, want)
		}
	}
}

// teamRole makes a role of IAM with the policy of a document.
func teamRole(t *testing.T, name string, document []byte) {
	t.Helper()
	var policy struct {
		Statement []struct{ Effect, Action, Resource string }
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	if err := decoder.Decode(&policy); err != nil {
		t.Fatal(err)
	}
	var allowed permission.Set
	for _, s := range policy.Statement {
		if s.Effect == "Allow" {
			allowed = append(allowed, permission.Allow{Actions: []string{s.Action}, Resources: []string{s.Resource}})
		}
	}
	arn := "arn:aws:iam::" + aws.Account + ":role/" + name
	if err := theLab.Clouds.AWS().IAM().PutRole(iam.Role{ARN: arn, Trust: []string{aws.LabUserARN}, Permissions: allowed}); err != nil {
		t.Fatal(err)
	}
}

func prepareEKS(t *testing.T, s *shell) {
	t.Helper()
	document, err := os.ReadFile(filepath.Join(s.folder, "iam", "checkout.json"))
	if err != nil {
		t.Fatal(err)
	}
	teamRole(t, "checkout-secrets", document)
	putAWSIn(t, "eu-central-1", "checkout/db", `{"username":"checkout","password":"`+secretValue()+`"}`)
	putAWSIn(t, "eu-central-1", "checkout/payment-api", secretValue())
}

func prepareVault(t *testing.T, _ *shell) {
	t.Helper()
	withoutRole(t, "orders")
	withoutRole(t, "stock")
}

func prepareTenants(t *testing.T, _ *shell) {
	t.Helper()
	for _, team := range []string{"red", "blue"} {
		teamRole(t, team+"-secrets", []byte(`{"Statement": [
			{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"},
			{"Effect": "Allow", "Action": "secretsmanager:BatchGetSecretValue", "Resource": "*"}]}`))
		putAWSIn(t, "eu-west-1", team+"/db", secretValue())
	}
	putAWSIn(t, "eu-west-1", "shared/ca", secretValue())
}

func prepareDocker(t *testing.T, _ *shell) {
	t.Helper()
	putAWSIn(t, "us-east-2", "ci/registry", `{"auths":{"registry.example.com":{"username":"robot","password":"`+secretValue()+`"}}}`)
}

// prepareTLS stores a pair as the README's readers have one: in files, and in AWS.
func prepareTLS(t *testing.T, s *shell) {
	t.Helper()
	writeVaultRole(t, "web", "syncer", "secret/data/web/*")
	certificate, key := selfSignedClient(t, "web.example.com")
	plantPEM([]byte(key))
	s.write(t, "tls.crt", certificate)
	s.write(t, "tls.key", key)
	text, err := json.Marshal(map[string]string{"certificate": certificate, "key": key})
	if err != nil {
		t.Fatal(err)
	}
	putAWSIn(t, "us-east-2", "api/tls", string(text))
}
