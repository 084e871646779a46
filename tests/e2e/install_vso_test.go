package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// TestInstallVSORights: what the overlay of two namespaces lets both services and users do with Vault Secrets Operator's objects, and what
// it does not.
func TestInstallVSORights(t *testing.T) {
	t.Parallel()
	s := newSite(t, lab.Options{})
	const group = ".secrets.hashicorp.com"
	s.grants(t, overlaysOfUsers()[logins], []granted{
		{"syncer", "list", "vaultstaticsecrets" + group, "team-a", true},
		{"syncer", "patch", "vaultstaticsecrets" + group, "team-a", true},
		{"syncer", "patch", "vaultstaticsecrets" + group + "/status", "team-b", true},
		{"syncer", "watch", "vaultauths" + group, "team-b", true},
		{"syncer", "watch", "secrettransformations" + group, "team-b", true},
		{"syncer", "patch", "vaultauths" + group, "team-a", false},
		{"syncer", "patch", "vaultauths" + group + "/status", "team-a", true},
		{"syncer", "patch", "secrettransformations" + group + "/status", "team-a", true},
		{"syncer", "patch", "vaultconnections" + group + "/status", lab.Namespace, true},
		{"syncer", "patch", "vaultconnections" + group + "/status", "team-c", false},
		{"syncer", "get", "configmaps", "team-a", false},
		{"syncer", "list", "vaultstaticsecrets" + group, "team-c", false},
		{"syncer", "list", "vaultauths" + group, "team-c", false},
		{"syncer", "get", "secrets", "team-c", false},
		{"syncer", "list", "vaultconnections" + group, lab.Namespace, true},
		{"syncer", "watch", "vaultauthglobals" + group, lab.Namespace, true},
		{"syncer", "list", "vaultstaticsecrets" + group, lab.Namespace, false},
		{"syncer", "get", "secrets", lab.Namespace, false},
		{"syncer", "create", "serviceaccounts/token/vault-sa", "team-a", true},
		{"syncer", "create", "serviceaccounts/token/default", "team-a", false},
		{"syncer", "create", "serviceaccounts/token/vault-sa", "team-b", false},
		{"syncer", "create", "serviceaccounts/token/syncer", lab.Namespace, false},
		{"webhook", "list", "vaultstaticsecrets" + group, "team-c", true},
		{"webhook", "watch", "vaultauths" + group, "team-c", true},
		{"webhook", "get", "secrettransformations" + group, "team-c", true},
		{"webhook", "get", "serviceaccounts/any", "team-c", false},
		{"webhook", "get", "configmaps/any", "team-c", false},
		{"webhook", "create", "serviceaccounts/token/any", "team-c", false},
		{"webhook", "get", "secrets/any", "team-c", false},
		{"webhook", "patch", "vaultstaticsecrets" + group, "team-a", false},
		{"view", "get", "vaultauthglobals" + group, "team-c", true},
		{"view", "create", "vaultauths" + group, "team-c", false},
		{"edit", "create", "vaultauths" + group, "team-c", true},
		{"edit", "create", "vaultstaticsecrets" + group, "team-c", true},
		{"edit", "patch", "vaultstaticsecrets" + group + "/status", "team-c", false},
	})
}

// TestInstallAdmissionOnlyForVSO: Vault Secrets Operator's objects are judged, and there is nothing of ours that could sync them. What that
// operator serves and Secretgate does not passes with a warning.
func TestInstallAdmissionOnlyForVSO(t *testing.T) {
	t.Parallel()
	s := newVSOSite(t, "--vso-serve=false")
	s.judgesAlone(t, "admission-only-vso")

	const permitted = `externalsecrets.kubernetes-client.io/permitted-key-name: "kv-secrets/data/judged/.*"`
	harness.Eventually(t, func() error { // the webhook puts its CA into the configurations again
		_, err := s.kubectl.Apply(t.Context(), "default", s.object("VaultConnection", "probe", fmt.Sprintf("{address: %q}", s.tap.URL)), "--dry-run=server")
		return err
	})
	ns := s.namespace(t, "judged", permitted, `iam.amazonaws.com/permitted: judged`)
	s.kubectl.MustApply(t, ns, s.static("permitted", "judged/db", makes("permitted", withoutRaw)))
	s.denies(t, ns, map[string]string{
		`"kv-secrets/data/prod/db" is not permitted in namespace "judged"`: s.static("denied", "prod/db", makes("denied", withoutRaw)),
		`"prod" is not permitted in namespace "judged"`: s.object("VaultAuth", "prod", fmt.Sprintf(
			"{method: kubernetes, mount: %s, kubernetes: {role: prod, serviceAccount: vault-sa, audiences: [vault]}}", vsoMount)),
	})
	for name, manifest := range map[string]string{
		"instantUpdates": s.static("unserved", "judged/db", "syncConfig: {instantUpdates: true}, "+makes("unserved", withoutRaw)),
		"aws":            s.object("VaultAuth", "aws", "{method: aws, mount: aws, aws: {role: judged}}"),
	} {
		if said, err := s.kubectl.Apply(t.Context(), ns, manifest); err != nil || !strings.Contains(said, "Warning: ") || !strings.Contains(said, name) {
			t.Errorf("%s: got %q (%v), want a warning about it", name, said, err)
		}
	}
	s.addUnserved(t)
	const neither = "VaultDynamicSecret is neither served nor judged by Secretgate"
	harness.Eventually(t, func() error { // the API server learns of policies with a delay
		said, err := s.kubectl.Apply(t.Context(), ns, s.object("VaultDynamicSecret", "db", "{mount: kv-secrets, path: data/prod/db}"), "--dry-run=server")
		if err != nil || !strings.Contains(said, neither) {
			return fmt.Errorf("got %q (%w), want a warning that says %q", said, err, neither)
		}
		return nil
	})
	if left := s.kubectl.Must(t, "get", "secrets", "-n", ns, "-o", "name"); left != "" {
		t.Errorf("got the Secrets %s, want none", left)
	}
	if _, refused := s.log.requests(t, "webhook", nil); len(refused) > 0 {
		t.Errorf("the API server refused the webhook %q, want the overlay to grant what it needs", refused)
	}
}

// TestInstallVSOInSomeNamespaces: a syncer of one namespace reads the defaults of the operator's namespace with the rights of the component,
// and says of what is elsewhere that it does not watch it.
func TestInstallVSOInSomeNamespaces(t *testing.T) {
	t.Parallel()
	s := newVSOSite(t, "--vso-operator-namespace=secretgate")
	s.lab.Syncer.Stop()
	s.kubectl.Must(t, "delete", "clusterroles,clusterrolebindings", "-l", "app.kubernetes.io/name=syncer")
	ns, value := s.namespace(t, "team-a"), secretValue()
	s.kubectl.MustApply(t, "", s.build(t, s.compose(t, map[string]string{
		"kustomization.yaml": "resources: [base, team-a]\ncomponents: [KUSTOMIZE/components/namespaced, KUSTOMIZE/components/dialects/vso, " +
			"KUSTOMIZE/components/dialects/vso/namespaced, KUSTOMIZE/components/without-workloads, KUSTOMIZE/components/without-admission]\n",
		"base/kustomization.yaml": "resources: [KUSTOMIZE/overlays/local-plain]\n",
		"team-a/kustomization.yaml": "namespace: team-a\nresources: [KUSTOMIZE/base/watched-namespace, " +
			"KUSTOMIZE/components/dialects/vso/watched-namespace]\n",
	})))
	s.kubectl.MustApply(t, lab.Namespace, s.object("VaultConnection", "default", fmt.Sprintf("{address: %q}", s.tap.URL)))
	s.putVault(t, ns+"/db", map[string]any{"a": value})
	s.lab.Syncer.Args = append(s.lab.Syncer.Args, "--watched-namespaces="+ns)
	if err := s.lab.Syncer.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.kubectl.MustApply(t, ns, s.static("db", ns+"/db", makes("db", withoutRaw)))
	s.holds(t, ns, "db", map[string]string{"a": value})

	s.kubectl.MustApply(t, "kube-system", s.object("VaultAuth", "lent", fmt.Sprintf(
		`{allowedNamespaces: ["*"], method: kubernetes, mount: %s, kubernetes: {role: %s, serviceAccount: vault-sa, audiences: [vault]}}`, vsoMount, ns)))
	s.kubectl.MustApply(t, ns, strings.Replace(s.static("lent", ns+"/db", makes("lent", withoutRaw)), "vaultAuthRef: vault-auth", "vaultAuthRef: kube-system/lent", 1))
	s.says(t, ns, "lent", "StoreNotFound", "the syncer does not watch the namespace of VaultAuth kube-system/lent")
	if _, refused := s.log.requests(t, "syncer", nil); len(refused) > 0 {
		t.Errorf("the API server refused the syncer %q, want the component to grant what it needs", refused)
	}
}

// TestInstallWithoutCRDsOfVSO: a cluster that has Vault Secrets Operator's own keeps them.
func TestInstallWithoutCRDsOfVSO(t *testing.T) {
	t.Parallel()
	keepsCRDs(t, "vso", ".secrets.hashicorp.com", len(kindsOfVSO))
}
