package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/plan"
)

// vsoAttack is one of testdata/vso-attacks.yaml.
type vsoAttack struct {
	Connection map[string]any `json:"connection,omitempty"`
	Auth       map[string]any `json:"auth,omitempty"`
	Spec       map[string]any `json:"spec,omitempty"`
	Want       string         `json:"want"`
}

// refusals are the reasons of what the syncer refuses itself. The last two are of tokens that it does not request, and of templates that it does not run.
var refusals = []plan.Reason{plan.ReasonInvalidSpec, plan.ReasonPolicyDenied, plan.ReasonAccessDenied, plan.ReasonInvalidRequest, plan.ReasonTemplateFailed}

// refuses has no webhook any more, and none of the policies that the API server judges by. Each object, and what it refers to, try to widen
// an authority; the server that they lead to counts what arrives.
func (s vsoSite) refuses(t *testing.T) {
	s.kubectl.Must(t, "delete", "validatingwebhookconfiguration", "secretgate-webhook")
	var received atomic.Int32
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { received.Add(1) }))
	t.Cleanup(evil.Close)
	value := secretValue()
	for _, name := range []string{"attacks/core/db", "attacks-prod/db"} {
		s.putVault(t, name, map[string]any{"a": value})
	}
	ns := s.attacked(t)
	attacks := s.attacks(t, evil.URL)
	for name, attack := range attacks {
		s.attack(t, ns, name, attack)
	}
	for name, attack := range attacks {
		found := s.says(t, ns, name, "", attack.Want)
		for _, c := range found.Status.Conditions {
			if c.Type == plan.ConditionReady && !slices.Contains(refusals, plan.Reason(c.Reason)) {
				t.Errorf("%s: got reason %s, want one of %v", name, c.Reason, refusals)
			}
		}
	}
	s.showsNoValue(t, ns, value)
	if said := s.kubectl.Must(t, "get", "secrets", "-n", ns, "-o", "name"); strings.TrimSpace(said) != "secret/login" {
		t.Errorf("got Secrets %q, want none but the login", said)
	}
	if n := received.Load(); n > 0 {
		t.Errorf("the server that is not listed received %d requests, want none", n)
	}
}

func (s vsoSite) attacks(t *testing.T, evil string) (attacks map[string]vsoAttack) {
	t.Helper()
	text, err := os.ReadFile("testdata/vso-attacks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	host := func(url string) string { return strings.TrimPrefix(url, "http://") }
	made := strings.NewReplacer("VAULTHOST", host(s.tap.URL), "EVILHOST", host(evil), "VAULT", s.tap.URL, "EVIL", evil, "MOUNT", vsoMount).
		Replace(string(text))
	if err := yaml.UnmarshalStrict([]byte(made), &attacks); err != nil {
		t.Fatal(err)
	}
	return attacks
}

// attack applies one, by objects of its name.
func (s vsoSite) attack(t *testing.T, ns, name string, attack vsoAttack) {
	t.Helper()
	apply := func(kind string, spec map[string]any) {
		t.Helper()
		s.kubectl.MustApply(t, ns, vsoManifest(t, kind, name, spec))
	}
	auth := "vault-auth"
	if attack.Auth != nil {
		auth = name
		apply("VaultAuth", attack.Auth)
	}
	if attack.Connection != nil {
		auth = name
		apply("VaultConnection", attack.Connection)
		apply("VaultAuth", map[string]any{
			"vaultConnectionRef": name, "method": "kubernetes", "mount": vsoMount,
			"kubernetes": map[string]any{"role": "core", "serviceAccount": "vault-sa", "audiences": []string{"vault"}},
		})
	}
	spec := map[string]any{
		"type": "kv-v2", "mount": vsoEngine, "path": "attacks/core/db", "refreshAfter": "1s", "vaultAuthRef": auth,
		"destination": map[string]any{"name": name, "create": true},
	}
	maps.Copy(spec, attack.Spec)
	apply("VaultStaticSecret", spec)
}

// attacked is a namespace that restricts what it can, with what attackers have, and one that lends its logins.
func (s vsoSite) attacked(t *testing.T) string {
	t.Helper()
	ns := s.namespace(t, "attacks", `iam.amazonaws.com/permitted: "core"`,
		`externalsecrets.kubernetes-client.io/permitted-key-name: "kv-secrets/data/attacks/core/.*"`, `secretgate.io/permitted-vault-mount: "`+vsoMount+`|approle"`,
		`secretgate.io/permitted-vault-namespace: core`, `secretgate.io/permitted-service-account: vault-sa`)
	s.role(t, "core", "vault-sa", ns, ns)
	s.account(t, ns, "admin")
	s.kubectl.MustApply(t, ns, "{apiVersion: v1, kind: Secret, metadata: {name: login}, stringData: {id: i, jwt: j}}")
	auth := func(role, more string) string {
		return fmt.Sprintf("{%s method: kubernetes, mount: %s, kubernetes: {role: %s, serviceAccount: vault-sa, audiences: [vault]}}", more, vsoMount, role)
	}
	s.kubectl.MustApply(t, ns, s.object("VaultAuth", "vault-auth", auth("core", "")))
	s.kubectl.Must(t, "create", "namespace", "attacks-lender")
	s.kubectl.MustApply(t, "attacks-lender", s.object("VaultAuth", "closed", auth("core", "")))
	s.kubectl.MustApply(t, "attacks-lender", s.object("VaultAuth", "lent", auth("prod", `allowedNamespaces: ["*"],`)))
	return ns
}

// showsNoValue has templates that fail with a value in hand.
func (s vsoSite) showsNoValue(t *testing.T, ns, value string) {
	t.Helper()
	for name, template := range map[string]string{
		"index": "{{ index .Secrets.a 99999 }}", "parse": "{{ .Secrets.a | fromJson | toJson }}{{ index .Secrets.a 99999 }}",
		"call": `{{ template "none" .Secrets.a }}`, "include": "{{ range .Secrets }}{{ .a.b }}{{ end }}",
	} {
		name = "template-" + name
		s.kubectl.MustApply(t, ns, s.static(name, "attacks/core/db", makes(name, fmt.Sprintf("transformation: {excludeRaw: true, templates: {out: {text: %q}}}", template))))
		found := s.says(t, ns, name, "", "out")
		if text := fmt.Sprint(found.Status) + s.kubectl.Must(t, "get", "events", "-n", ns, "-o", "yaml"); strings.Contains(text, value) {
			t.Errorf("the status or an event of %s shows a value", name)
		}
	}
}

// vsoManifest is an object of Vault Secrets Operator.
func vsoManifest(t *testing.T, kind, name string, spec map[string]any) string {
	t.Helper()
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": "secrets.hashicorp.com/v1beta1", "kind": kind, "metadata": map[string]any{"name": name}, "spec": spec,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
