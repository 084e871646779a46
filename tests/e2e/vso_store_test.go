package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
)

// follows changes a connection, which no object names, and a transformation.
func (s vsoSite) follows(t *testing.T) {
	ns, value := s.namespace(t, "follows"), secretValue()
	s.putVault(t, ns+"/db", map[string]any{"a": value, "b": "b"})
	s.kubectl.MustApply(t, ns, s.object("SecretTransformation", "shared", `{includes: ["^a$"]}`))
	s.kubectl.MustApply(t, ns, s.object("VaultAuth", "vault-auth", fmt.Sprintf(
		"{vaultConnectionRef: own, method: kubernetes, mount: %s, kubernetes: {role: %s, serviceAccount: vault-sa, audiences: [vault]}}", vsoMount, ns)))
	object := s.static("db", ns+"/db", makes("db", "transformation: {excludeRaw: true, transformationRefs: [{name: shared}]}"))
	said := s.kubectl.MustApply(t, ns, strings.Replace(object, "refreshAfter: 1s", "refreshAfter: 1h", 1))
	if !strings.Contains(said, "there is no VaultConnection follows/own yet") {
		t.Errorf("kubectl apply says %q, want a warning that the connection is not there yet", said)
	}
	s.says(t, ns, "db", plan.ReasonStoreNotFound, "there is no VaultConnection follows/own yet")
	s.kubectl.Must(t, "wait", "--for=jsonpath={.status.valid}=false", "--timeout=30s", "vaultauths/vault-auth", "-n", ns)
	s.kubectl.MustApply(t, ns, s.object("VaultConnection", "own", fmt.Sprintf("{address: %q}", s.tap.URL)))
	s.holds(t, ns, "db", map[string]string{"a": value})
	s.kubectl.Must(t, "wait", "--for=jsonpath={.status.valid}=true", "--timeout=30s", "vaultconnections/own", "secrettransformations/shared", "-n", ns)
	s.kubectl.Must(t, "wait", "--for=condition=Available", "--timeout=30s", "vaultauths/vault-auth", "-n", ns)
	s.kubectl.MustApply(t, ns, s.object("SecretTransformation", "shared", `{includes: ["^b$"]}`))
	s.holds(t, ns, "db", map[string]string{"b": "b"})
	s.says(t, ns, "db", v1beta1.ReasonSynced, "Secret synced")
}

// judges has each aspect of a namespace's policy denied where it is applied.
func (s vsoSite) judges(t *testing.T) {
	ns := s.namespace(t, "judges", fmt.Sprintf("externalsecrets.kubernetes-client.io/permitted-key-name: %q", vsoEngine+"/data/judges/.*"),
		"iam.amazonaws.com/permitted: judges", "secretgate.io/permitted-vault-mount: "+vsoMount, "secretgate.io/permitted-vault-namespace: admin",
		"secretgate.io/permitted-service-account: vault-sa")
	auth := func(more string) string {
		return s.object("VaultAuth", "other", "{method: kubernetes, mount: "+vsoMount+", "+more+"}")
	}
	s.denies(t, ns, map[string]string{
		`"kv-secrets/data/prod/db" is not permitted in namespace "judges"`: s.static("denied", "prod/db", makes("denied", "")),
		`"root" is not permitted in namespace "judges"`:                    auth("kubernetes: {role: root, serviceAccount: vault-sa, audiences: [vault]}"),
		`"admin-sa" is not permitted in namespace "judges"`:                auth("kubernetes: {role: judges, serviceAccount: admin-sa, audiences: [vault]}"),
		`"prod" is not permitted in namespace "judges"`:                    auth("namespace: prod, kubernetes: {role: judges, serviceAccount: vault-sa, audiences: [vault]}"),
		`is not among the servers of Vault that this installation permits`: s.object("VaultConnection", "evil", `{address: "https://evil.example"}`),
		`spec.skipTLSVerify: Forbidden`:                                    s.object("VaultConnection", "evil", fmt.Sprintf("{address: %q, skipTLSVerify: true}", s.tap.URL)),
		`spec.syncConfig.instantUpdates: Forbidden`:                        s.static("instant", "judges/db", "syncConfig: {instantUpdates: true}, "+makes("instant", "")),
		`"kubernetes-elsewhere" is not permitted in namespace "judges"`:    s.object("VaultAuth", "other", "{method: kubernetes, mount: kubernetes-elsewhere, kubernetes: {role: judges, serviceAccount: vault-sa, audiences: [vault]}}"),
		`must be judges, the object's own namespace`:                       s.static("foreign", "judges/db", makes("foreign", "transformation: {transformationRefs: [{name: t, namespace: kube-system}]}")),
	})
	s.kubectl.MustApply(t, ns, s.static("db", "judges/db", makes("db", "")))
	// A login that changes warns of the objects that it makes forbidden, and is not denied for them.
	said := s.kubectl.MustApply(t, "", fmt.Sprintf(`{apiVersion: v1, kind: Namespace, metadata: {name: %s, annotations: {iam.amazonaws.com/permitted: none}}}`, ns))
	if !strings.Contains(said, "VaultStaticSecret db: VaultAuth[vault-auth].spec.kubernetes.role") {
		t.Errorf("kubectl apply says %q, want a warning that db is forbidden now", said)
	}
}

// refusesKinds has a kind that a policy of the API server refuses, since no annotation is judged for it.
func (s vsoSite) refusesKinds(t *testing.T) {
	s.addUnserved(t)
	const want = "VaultDynamicSecret is neither served nor judged by Secretgate: use a VaultStaticSecret"
	harness.Eventually(t, func() error { // the API server learns of policies with a delay
		_, err := s.kubectl.Apply(t.Context(), "default", s.object("VaultDynamicSecret", "db", "{mount: kv-secrets, path: data/prod/db}"))
		if err == nil || !strings.Contains(err.Error(), want) {
			return fmt.Errorf("got %w, want a denial that says %q", err, want)
		}
		return nil
	})
}

// addUnserved gives the cluster a kind that Vault Secrets Operator's release has, and Secretgate does not serve.
func (s vsoSite) addUnserved(t *testing.T) {
	t.Helper()
	s.kubectl.MustApply(t, "", `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: vaultdynamicsecrets.secrets.hashicorp.com},
		spec: {group: secrets.hashicorp.com, scope: Namespaced, names: {kind: VaultDynamicSecret, plural: vaultdynamicsecrets}, versions: [{
		name: v1beta1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}`)
	s.kubectl.Must(t, "wait", "--for=condition=Established", "crd/vaultdynamicsecrets.secrets.hashicorp.com")
}
