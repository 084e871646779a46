package e2e

import (
	"strings"
	"testing"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// TestInstallSealedRights: what the overlay of two namespaces, whose sealing keys are in kube-system, lets both services and users do, and
// what it does not.
func TestInstallSealedRights(t *testing.T) {
	t.Parallel()
	s := newSite(t, lab.Options{})
	const objects = "sealedsecrets.bitnami.com"
	s.grants(t, overlaysOfUsers()[keysOfKubeSystem], []granted{
		{"syncer", "list", objects, "team-a", true},
		{"syncer", "watch", objects, "team-b", true},
		{"syncer", "patch", objects + "/status", "team-b", true},
		{"syncer", "patch", objects, "team-a", false},
		{"syncer", "list", objects, "team-c", false},
		{"syncer", "list", "secrets", "kube-system", true},
		{"syncer", "watch", "secrets", "kube-system", true},
		{"syncer", "create", "secrets", "kube-system", true},
		{"syncer", "create", "events.events.k8s.io", "kube-system", true},
		{"syncer", "get", "secrets", "kube-system", false},
		{"syncer", "update", "secrets", "kube-system", false},
		{"syncer", "patch", "secrets", "kube-system", false},
		{"syncer", "delete", "secrets", "kube-system", false},
		{"syncer", "list", objects, "kube-system", false},
		{"syncer", "list", "secrets", lab.Namespace, false},
		{"syncer", "create", "secrets", lab.Namespace, false},
		{"syncer", "list", "secrets", "team-c", false},
		{"webhook", "list", objects, "team-c", true},
		{"webhook", "watch", objects, "team-c", false},
		{"webhook", "patch", objects, "team-a", false},
		{"webhook", "list", "secrets", "kube-system", false},
		{"view", "get", objects, "team-c", true},
		{"view", "create", objects, "team-c", false},
		{"edit", "create", objects, "team-c", true},
		{"edit", "patch", objects + "/status", "team-c", false},
		{"webhook", "update", "configmaps/sealed-verify-webhook", lab.Namespace, true},
		{"webhook", "get", "configmaps/sealed-verify-syncer", lab.Namespace, true},
		{"webhook", "update", "configmaps/sealed-verify-syncer", lab.Namespace, false},
		{"webhook", "update", "configmaps/policy", lab.Namespace, false},
		{"syncer", "update", "configmaps/sealed-verify-syncer", lab.Namespace, true},
		{"syncer", "get", "configmaps/sealed-verify-webhook", lab.Namespace, true},
		{"syncer", "update", "configmaps/sealed-verify-webhook", lab.Namespace, false},
		{"syncer", "get", "configmaps/policy", lab.Namespace, false},
		{"view", "update", "configmaps/sealed-verify-webhook", "team-c", false},
	})
	s.kubectl.Must(t, "create", "rolebinding", "kubeseal", "-n", lab.Namespace, "--role=sealed-secrets-service-proxier", "--user=sealer")
	s.restrictsProxy(t)
}

// restrictsProxy: every user may read the certificate as kubeseal does, and who is bound to the Role may have objects validated.
func (s *site) restrictsProxy(t *testing.T) {
	t.Helper()
	const proxied = "services/http:sealed-secrets-controller:http"
	for _, c := range []struct {
		who, verb, what, subresource string
		want                         bool
	}{
		{"anyone", "get", "services/sealed-secrets-controller", "", true},
		{"anyone", "get", proxied, "proxy", true},
		{"anyone", "create", proxied, "proxy", false},
		{"anyone", "get", "services/http:webhook:https", "proxy", false},
		{"anyone", "get", "services/webhook", "", false},
		{"anyone", "list", "services", "", false},
		{"sealer", "create", proxied, "proxy", true},
		{"sealer", "create", "services/http:webhook:https", "proxy", false},
		{"sealer", "delete", proxied, "proxy", false},
	} {
		args := []string{"auth", "can-i", c.verb, c.what, "--namespace=" + lab.Namespace, "--as=" + c.who, "--as-group=system:authenticated"}
		if c.subresource != "" {
			args = append(args, "--subresource="+c.subresource)
		}
		answer, _ := s.kubectl.Run(t.Context(), args...) // kubectl fails where the answer is no
		if got := strings.TrimSpace(answer) == "yes"; got != c.want {
			t.Errorf("may %s %s %s %s? got %t, want %t", c.who, c.verb, c.what, c.subresource, got, c.want)
		}
	}
}

// TestInstallSealedInSomeNamespaces: a syncer of one namespace opens what is sealed there, by keys of a namespace that it does not watch,
// with the rights of the component alone.
func TestInstallSealedInSomeNamespaces(t *testing.T) {
	t.Parallel()
	s := newSealedSite(t)
	s.lab.Syncer.Stop()
	s.kubectl.Must(t, "delete", "clusterroles,clusterrolebindings", "-l", "app.kubernetes.io/name=syncer")
	ns, value := s.namespace(t, "team-a"), secretValue()
	s.kubectl.MustApply(t, "", s.build(t, s.compose(t, map[string]string{
		"kustomization.yaml": "resources: [base, team-a]\ncomponents: [KUSTOMIZE/components/namespaced, KUSTOMIZE/components/dialects/sealed, " +
			"KUSTOMIZE/components/dialects/sealed/namespaced, KUSTOMIZE/components/without-workloads, KUSTOMIZE/components/without-admission]\n",
		"base/kustomization.yaml":   "resources: [KUSTOMIZE/overlays/local-plain]\n",
		"team-a/kustomization.yaml": sealedNamespace(ns),
	})))
	s.kubectl.Must(t, "delete", "secrets", "-n", lab.Namespace, "-l", sealingKeyLabel) // another one is made
	s.lab.Syncer.Args = append(s.lab.Syncer.Args, "--watched-namespaces="+ns)
	if err := s.lab.Syncer.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, func() error { return s.fetchCertificate(t, s.certificate) })
	s.apply(t, s.seal(t, ns, "db", map[string]string{"a": value}))
	s.holds(t, ns, "db", map[string]string{"a": value})
	junk := newSealingKey(t)
	junk.private = []byte("no key")
	s.kubectl.MustApply(t, "", junk.secret("junk"))
	s.hasEvent(t, lab.Namespace, "junk", "")
	if _, refused := s.log.requests(t, "syncer", nil); len(refused) > 0 {
		t.Errorf("the API server refused the syncer %q, want the component to grant what it needs", refused)
	}
}

// TestInstallWithoutCRDsOfSealedSecrets: a cluster that has the CRD of Sealed Secrets keeps it.
func TestInstallWithoutCRDsOfSealedSecrets(t *testing.T) {
	t.Parallel()
	keepsCRDs(t, "sealed", ".bitnami.com", 1)
}

// TestInstallAdmissionOnlyForSealedSecrets: SealedSecrets are judged, and there is nothing of ours that could open them, or that kubeseal could
// take for the controller of Sealed Secrets.
func TestInstallAdmissionOnlyForSealedSecrets(t *testing.T) {
	t.Parallel()
	s := newSealedSite(t)
	s.lab.Webhook.Stop()
	s.lab.Webhook.Args = append(s.lab.Webhook.Args, "--sealed-serve=false") // and still an address to ask at, where no syncer answers
	if err := s.lab.Webhook.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.kubectl.Must(t, "delete", "-n", lab.Namespace, "services,roles,rolebindings,configmaps", "-l", "app.kubernetes.io/name=syncer")
	s.judgesAlone(t, "admission-only-sealed")

	foreign := newSealingKey(t)
	ns := s.namespace(t, "judged", "secretgate.io/permitted-sealing-scope: strict", requireOpenable)
	sealed := s.seal(t, ns, "db", map[string]string{"a": secretValue()}, "--cert="+foreign.file)
	harness.Eventually(t, func() error { // the webhook puts its CA into the configurations again
		said, err := s.kubectl.Apply(t.Context(), "", string(sealed))
		if err == nil && strings.Contains(said, "Warning") {
			t.Errorf("got %q, want no warning: only that controller knows which keys there are", said)
		}
		return err
	})
	wide := s.seal(t, ns, "wide", map[string]string{"a": secretValue()}, "--cert="+foreign.file, "--scope=cluster-wide")
	s.denies(t, "a scope that is not permitted", wide, `"cluster-wide" is not permitted in namespace "judged"`)
	s.denies(t, "what is no ciphertext", sealed.with(t, "{spec: {encryptedData: {a: cGxhaW4=}}}"), "is no sealed value")
	for _, kind := range []string{"services/sealed-secrets-controller", "roles/sealed-secrets-service-proxier"} {
		if left := s.kubectl.Must(t, "get", kind, "-n", lab.Namespace, "--ignore-not-found", "-o", "name"); left != "" {
			t.Errorf("got %s, want it left to the controller of Sealed Secrets", left)
		}
	}
	s.hasNot(t, ns, "db")
	if _, refused := s.log.requests(t, "webhook", nil); len(refused) > 0 {
		t.Errorf("the API server refused the webhook %q, want the overlay to grant what it needs", refused)
	}
}
