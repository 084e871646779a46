package e2e

import (
	"fmt"
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
	overlay := overlaysOfUsers()[keysOfKubeSystem]
	overlay["kustomization.yaml"], _, _ = strings.Cut(overlay["kustomization.yaml"], "patches:") // of the Deployment
	overlay["kustomization.yaml"] += "  - KUSTOMIZE/components/without-workloads\n  - KUSTOMIZE/components/without-admission\n"
	s.kubectl.MustApply(t, "", s.build(t, s.compose(t, overlay)))
	// The lab had installed the rights on the whole cluster.
	s.kubectl.Must(t, "delete", "clusterrolebinding/secretgate-syncer-objects", "clusterrole/secretgate-syncer-objects")
	for _, role := range []string{"view", "edit"} {
		s.kubectl.Must(t, "create", "clusterrolebinding", role, "--clusterrole="+role, "--user="+role)
	}
	s.kubectl.Must(t, "create", "rolebinding", "kubeseal", "-n", lab.Namespace, "--role=sealed-secrets-service-proxier", "--user=sealer")
	const objects = "sealedsecrets.bitnami.com"
	for _, c := range []struct {
		who, verb, what, namespace string
		want                       bool
	}{
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
	} {
		harness.Eventually(t, func() error { // the roles of users are gathered with a delay
			if got := s.may(t, c.who, c.verb, c.what, c.namespace); got != c.want {
				return fmt.Errorf("may %s %s %s in namespace %q? got %t, want %t", c.who, c.verb, c.what, c.namespace, got, c.want)
			}
			return nil
		})
	}
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
	s := &site{lab: theLab, kubectl: kubectl} // renders only
	for component, want := range map[string]int{"network-policy": 1, "dialects/sealed/without-crds": 0} {
		manifests := s.build(t, s.compose(t, overlayWith(selfSigned, "dialects/sealed", component)))
		got := 0
		for _, o := range objectsIn(t, manifests) {
			if o.Kind == "CustomResourceDefinition" && o.Metadata["name"] == "sealedsecrets.bitnami.com" {
				got++
			}
		}
		if got != want {
			t.Errorf("with the component %s: got %d CRDs of SealedSecrets, want %d", component, got, want)
		}
	}
}
