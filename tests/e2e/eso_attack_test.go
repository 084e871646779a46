package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"sigs.k8s.io/yaml"

	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
)

// esoAttack is one of testdata/eso-attacks.yaml.
type esoAttack struct {
	Provider map[string]any `json:"provider"`
	Target   map[string]any `json:"target,omitempty"`
	Key      string         `json:"key,omitempty"`
	Want     string         `json:"want"`
}

// refuses has no webhook any more. Each object and its store try to widen an authority; the server that they lead to counts what arrives.
func (s esoSite) refuses(t *testing.T) {
	s.kubectl.Must(t, "delete", "validatingwebhookconfiguration", "secretgate-webhook")
	var received atomic.Int32
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { received.Add(1) }))
	t.Cleanup(evil.Close)
	value := secretValue()
	s.store(t, secretsmanager.Secret{Name: "attacks/core/db", String: value}, secretsmanager.Secret{Name: "attacks/prod/db", String: value})
	ns := s.attacked(t)
	text, err := os.ReadFile("testdata/eso-attacks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	attacks := map[string]esoAttack{}
	told := strings.NewReplacer("VAULT", s.lab.VaultAddr, "EVIL", evil.URL).Replace(string(text))
	if err := yaml.UnmarshalStrict([]byte(told), &attacks); err != nil {
		t.Fatal(err)
	}
	for name, attack := range attacks {
		s.kubectl.MustApply(t, ns, manifest(t, "SecretStore", name, map[string]any{"controller": "secretgate", "provider": attack.Provider}))
		spec := map[string]any{"secretStoreRef": map[string]any{"name": name}, "data": []any{map[string]any{
			"secretKey": "a", "remoteRef": map[string]any{"key": cmp.Or(attack.Key, "attacks/core/db")},
		}}}
		if attack.Target != nil {
			spec["target"] = attack.Target
		}
		s.kubectl.MustApply(t, ns, manifest(t, "ExternalSecret", name, spec))
	}
	for name, attack := range attacks {
		s.says(t, ns, name, v1.ReasonSyncedError, attack.Want)
	}
	s.showsNoValue(t, ns, value)
	if said := s.kubectl.Must(t, "get", "secrets", "-n", ns, "-o", "name"); strings.TrimSpace(said) != "secret/login" {
		t.Errorf("got Secrets %q, want none but the login", said)
	}
	if n := received.Load(); n > 0 {
		t.Errorf("the server that is not listed received %d requests, want none", n)
	}
}

// attacked is a namespace that restricts what it can, with what attackers have.
func (s esoSite) attacked(t *testing.T) string {
	t.Helper()
	ns := s.namespace(t, "attacks", `iam.amazonaws.com/permitted: "core|arn:aws:iam::123456789012:role/core"`,
		`externalsecrets.kubernetes-client.io/permitted-key-name: "(secret/data/)?attacks(/core/.*|-core)"`,
		`secretgate.io/permitted-vault-namespace: core`, `secretgate.io/permitted-store: "SecretStore/.*|ClusterSecretStore/shared"`)
	s.kubectl.MustApply(t, ns, "{apiVersion: v1, kind: Secret, metadata: {name: login}, stringData: {token: t, id: AKIAEXAMPLE, secret: s}}")
	s.kubectl.MustApply(t, ns, `{apiVersion: v1, kind: ServiceAccount, metadata: {name: reader, annotations: {
		eks.amazonaws.com/role-arn: "arn:aws:iam::123456789012:role/prod"}}}`)
	s.kubectl.Must(t, "create", "role", "token-requests", "-n", ns, "--verb=create,get", "--resource=serviceaccounts,serviceaccounts/token")
	s.kubectl.Must(t, "create", "rolebinding", "token-requests", "-n", ns, "--role=token-requests", "--serviceaccount="+lab.Namespace+":syncer")
	return ns
}

// showsNoValue has templates that fail with a value in hand.
func (s esoSite) showsNoValue(t *testing.T, ns, value string) {
	t.Helper()
	for name, template := range map[string]string{"fail": "{{ fail .a }}", "parse": "{{ fromJson .a | toJson }}{{ index .a 99999 }}"} {
		s.kubectl.MustApply(t, ns, s.object("template-"+name, fmt.Sprintf(`{secretStoreRef: {name: shared, kind: ClusterSecretStore},
			target: {template: {data: {out: %q}}}, data: [{secretKey: a, remoteRef: {key: attacks/core/db}}]}`, template)))
		found := s.says(t, ns, "template-"+name, v1.ReasonSyncedError, "TemplateFailed: ")
		if text := fmt.Sprint(found.Status) + s.kubectl.Must(t, "get", "events", "-n", ns, "-o", "yaml"); strings.Contains(text, value) {
			t.Errorf("the status or an event of template-%s shows a value", name)
		}
	}
}

// manifest is an object of External Secrets Operator.
func manifest(t *testing.T, kind, name string, spec map[string]any) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": map[string]any{"name": name}, "spec": spec,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
