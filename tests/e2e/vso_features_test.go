package e2e

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
)

// transforms has what the documents of secret transformation show.
func (s vsoSite) transforms(t *testing.T) {
	ns, password := s.namespace(t, "transforms"), secretValue()
	// Vault's KV 2 itself keeps the first digits of a number alone, and writes zeros for the others.
	s.putVault(t, ns+"/app", map[string]any{
		"user": "ann", "password": password, "port": json.Number("12345678901234567000"), "nested": map[string]any{"list": []any{"x", 1}},
		"internal_token": "t",
	})
	s.write(t, path.Join(vsoEngine, "metadata", ns, "app"), map[string]any{"custom_metadata": map[string]any{"owner": "team-a"}})
	s.kubectl.MustApply(t, ns, s.object("SecretTransformation", "shared", `{
		sourceTemplates: [{name: helpers, text: "{{ define \"helpers.dsn\" }}db://{{ get .Secrets \"user\" }}:{{ .Secrets.password }}@host{{ end }}"}],
		templates: {dsn: {name: dsn, text: "{{ template \"helpers.dsn\" . }}"}, unused: {text: "shared"}},
		includes: ["^(user|port|nested|password)$"], excludes: ["^pass"]}`))
	manifest := fmt.Sprintf(`{apiVersion: secrets.hashicorp.com/v1beta1, kind: VaultStaticSecret,
		metadata: {name: app, annotations: {team: core}, labels: {tier: web}}, spec: {
		type: kv-v2, mount: %s, path: %s/app, refreshAfter: 1s, vaultAuthRef: vault-auth, destination: {name: app-secret, create: true,
			type: example.com/app, labels: {a: b}, annotations: {c: d}, transformation: {excludeRaw: true,
			transformationRefs: [{name: shared, templateRefs: [{name: dsn, keyOverride: url}]}],
			templates: {
				line: {text: "{{ .Secrets.user | upper | b64enc }} {{ get .Annotations \"team\" }} {{ .Labels.tier }}"},
				owner: {text: "{{ .Metadata.custom_metadata.owner }}"},
				deep: {text: "{{ index .Secrets.nested.list 0 }} {{ dig \"none\" \"way\" \"default\" .Secrets }} {{ .Secrets.port }}"}}}}}}`, vsoEngine, ns)
	s.kubectl.MustApply(t, ns, manifest)
	secret := s.holds(t, ns, "app-secret", map[string]string{
		"user": "ann", "port": "12345678901234567000", "nested": `{"list":["x",1]}`, "url": "db://ann:" + password + "@host",
		"line": "QU5O core web", "owner": "team-a", "deep": "x default 12345678901234567000",
	})
	if secret.Type != "example.com/app" || secret.Labels["a"] != "b" || secret.Annotations["c"] != "d" {
		t.Errorf("got type %q, labels %v and annotations %v, want those of the destination", secret.Type, secret.Labels, secret.Annotations)
	}
	s.kubectl.Must(t, "annotate", "vaultstaticsecrets", "app", "-n", ns, "--overwrite", "team=other")
	harness.Eventually(t, func() error { // templates see the object's annotations
		secret, err := harness.Get[secretData](t.Context(), s.apiServer, harness.Secret(ns, "app-secret"))
		if err == nil && string(secret.Data["line"]) != "QU5O other web" {
			err = fmt.Errorf("got %q, want the new annotation in it", secret.Data["line"])
		}
		return err
	})
}

// lends has one VaultAuth for the namespaces that it allows. Each logs in by its own ServiceAccount, or not at all.
func (s vsoSite) lends(t *testing.T) {
	lender, borrower, other := s.namespace(t, "lender"), s.namespace(t, "borrower"), s.namespace(t, "other")
	value := secretValue()
	s.putVault(t, borrower+"/db", map[string]any{"a": value})
	auth := fmt.Sprintf("{vaultAuthGlobalRef: {name: all}, allowedNamespaces: [%s], kubernetes: {role: %s}}", borrower, borrower)
	s.kubectl.MustApply(t, lender, s.object("VaultAuthGlobal", "all", fmt.Sprintf(
		"{defaultAuthMethod: kubernetes, defaultMount: %s, kubernetes: {serviceAccount: vault-sa, audiences: [vault]}}", vsoMount)))
	s.kubectl.MustApply(t, lender, s.object("VaultAuth", "central", auth))
	object := strings.Replace(s.static("db", borrower+"/db", makes("db", withoutRaw)), "vaultAuthRef: vault-auth", "vaultAuthRef: lender/central", 1)
	s.kubectl.MustApply(t, borrower, object)
	s.holds(t, borrower, "db", map[string]string{"a": value})
	s.denies(t, other, map[string]string{"VaultAuth lender/central admits other namespaces only": object})
}

func (s vsoSite) logsIn(t *testing.T) {
	ns, value := s.namespace(t, "logins"), secretValue()
	s.putVault(t, ns+"/db", map[string]any{"a": value})
	s.write(t, "auth/approle/role/"+ns, map[string]any{"token_policies": ns})
	vault := s.lab.Vault().Logical()
	roleID, err := vault.ReadWithContext(t.Context(), "auth/approle/role/"+ns+"/role-id")
	if err != nil {
		t.Fatal(err)
	}
	secretID, err := vault.WriteWithContext(t.Context(), "auth/approle/role/"+ns+"/secret-id", nil)
	if err != nil {
		t.Fatal(err)
	}
	id, _ := secretID.Data["secret_id"].(string)
	plant(id)
	s.kubectl.MustApply(t, ns, fmt.Sprintf("{apiVersion: v1, kind: Secret, metadata: {name: approle}, stringData: {id: %q}}", id))
	token, err := s.kubectl.Run(t.Context(), "create", "token", "vault-sa", "-n", ns, "--audience=vault")
	if err != nil {
		t.Fatal(err)
	}
	plantJWT(token)
	s.kubectl.MustApply(t, ns, fmt.Sprintf("{apiVersion: v1, kind: Secret, metadata: {name: token}, stringData: {jwt: %q}}", strings.TrimSpace(token)))
	// The lab's Vault has no auth method jwt. Its login is asked for by the same words, which the one of Kubernetes takes as well.
	for name, auth := range map[string]string{
		"approle":    fmt.Sprintf("{method: appRole, mount: approle, appRole: {roleId: %q, secretRef: approle}}", roleID.Data["role_id"]),
		"jwt":        fmt.Sprintf("{method: jwt, mount: %s, jwt: {role: %s, serviceAccount: vault-sa, audiences: [vault]}}", vsoMount, ns),
		"jwt-secret": fmt.Sprintf("{method: jwt, mount: %s, jwt: {role: %s, secretRef: token}}", vsoMount, ns),
	} {
		s.kubectl.MustApply(t, ns, s.object("VaultAuth", name, auth))
		object := s.static("by-"+name, ns+"/db", makes("by-"+name, withoutRaw))
		s.kubectl.MustApply(t, ns, strings.Replace(object, "vaultAuthRef: vault-auth", "vaultAuthRef: "+name, 1))
		s.holds(t, ns, "by-"+name, map[string]string{"a": value})
	}
}

func (s vsoSite) adopts(t *testing.T) {
	ns, value := s.namespace(t, "adopts"), secretValue()
	s.putVault(t, ns+"/db", map[string]any{"ours": value})
	for _, name := range []string{"completed", "taken"} {
		s.kubectl.MustApply(t, ns, fmt.Sprintf("{apiVersion: v1, kind: Secret, metadata: {name: %s}, stringData: {theirs: x}}", name))
	}
	const permit = `lacks annotation secretgate.io/permit-adopt: "true"`
	for name, destination := range map[string]string{
		"completed": "destination: {name: completed, " + withoutRaw + "}",
		"taken":     makes("taken", "overwrite: true, "+withoutRaw),
	} {
		said, err := s.kubectl.Apply(t.Context(), ns, s.static(name, ns+"/db", destination))
		if err != nil || !strings.Contains(said, permit) {
			t.Errorf("%s: got %q (%v), want a warning that says %q", name, said, err, permit)
		}
		s.says(t, ns, name, plan.ReasonSecretNotOwned, "")
		s.holds(t, ns, name, map[string]string{"theirs": "x"})
	}
	s.kubectl.Must(t, "annotate", "namespace", ns, "secretgate.io/permit-adopt=true")
	completed := s.holds(t, ns, "completed", map[string]string{"theirs": "x", "ours": value})
	s.holds(t, ns, "taken", map[string]string{"ours": value})
	if len(completed.OwnerReferences) > 0 {
		t.Errorf("got the owners %v of a Secret that another client makes, want none", completed.OwnerReferences)
	}
}

// takesOver has the object and the Secret that Vault Secrets Operator leaves, by its documents and by what users print.
func (s vsoSite) takesOver(t *testing.T) {
	ns, value := s.namespace(t, "takeover"), secretValue()
	s.putVault(t, ns+"/db", map[string]any{"password": value})
	s.kubectl.Must(t, "delete", "vaultauths", "vault-auth", "-n", ns)
	s.kubectl.MustApply(t, ns, strings.Replace(s.static("db", ns+"/db", makes("db", withoutRaw)), "{name: db}", "{name: db, finalizers: ["+v1beta1.Finalizer+"]}", 1))
	var object v1beta1.VaultStaticSecret
	s.decode(t, &object, "vaultstaticsecrets", "db", "-n", ns)
	s.kubectl.MustApply(t, ns, fmt.Sprintf(`{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "labels": {
		"app.kubernetes.io/name": "vault-secrets-operator", "app.kubernetes.io/managed-by": "hashicorp-vso", "app.kubernetes.io/component": "secret-sync"},
		"ownerReferences": [{"apiVersion": "secrets.hashicorp.com/v1beta1", "kind": "VaultStaticSecret", "name": "db", "uid": %q}]},
		"stringData": {"password": "older", "_raw": "{}"}}`, object.UID))
	s.kubectl.Must(t, "patch", "vaultstaticsecrets", "db", "-n", ns, "--subresource=status", "--type=merge",
		`--patch={"status": {"lastGeneration": 1, "secretMAC": "bWFj"}}`)
	var left corev1.Secret
	s.decode(t, &left, "secret", "db", "-n", ns)

	s.kubectl.MustApply(t, ns, s.object("VaultAuth", "vault-auth", fmt.Sprintf(
		"{method: kubernetes, mount: %s, kubernetes: {role: %s, serviceAccount: vault-sa, audiences: [vault]}}", vsoMount, ns)))
	if taken := s.holds(t, ns, "db", map[string]string{"password": value}); taken.UID != left.UID {
		t.Errorf("got uid %s, want %s: the Secret that was there", taken.UID, left.UID)
	}
	harness.Eventually(t, func() error {
		object = v1beta1.VaultStaticSecret{}
		err := s.kubectl.Read(t.Context(), &object, "vaultstaticsecrets", "db", "-n", ns)
		if err != nil || len(object.Finalizers) > 0 || object.Status.SecretMAC != "" {
			return fmt.Errorf("got finalizers %v and a digest %q (%w), want neither", object.Finalizers, object.Status.SecretMAC, err)
		}
		return nil
	})
}
