package e2e

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/lab"
)

// TestInstallNamespaced runs a syncer with the rights of the overlay for two namespaces, without those to list and watch Secrets:
// it serves the objects of both kinds in these two, and has no right on a Secret anywhere else.
func TestInstallNamespaced(t *testing.T) {
	s, log := newAuditedSite(t, lab.Options{})
	overlay := overlaysOfUsers()["an overlay for two namespaces, with SecretDefinitions, without watches of Secrets"]
	overlay["kustomization.yaml"] = strings.Replace(overlay["kustomization.yaml"], "components:\n",
		"components:\n  - KUSTOMIZE/components/without-workloads\n  - KUSTOMIZE/components/without-admission\n", 1)
	overlay["kustomization.yaml"], _, _ = strings.Cut(overlay["kustomization.yaml"], "patches:") // of the Deployment
	overlay["kustomization.yaml"] += "\n"
	s.kubectl.MustApply(t, "", s.build(t, s.compose(t, overlay)))
	// The lab had installed the rights on the whole cluster.
	s.kubectl.Must(t, "delete", "clusterrolebinding/secretgate-syncer-objects", "clusterrole/secretgate-syncer-objects")
	s.kubectl.Must(t, "delete", "--ignore-not-found", "clusterrolebinding/secretgate-syncer-definitions", "clusterrole/secretgate-syncer-definitions")
	s.kubectl.Must(t, "create", "namespace", "team-c")

	syncer, err := s.lab.NewSyncer("namespaced", lab.Extra{
		Args: []string{
			"--watched-namespaces=team-a,team-b", "--watch-secrets=false", "--refresh-interval=1s", "--min-refresh-interval=1s",
			"--secret-definitions", "--reconcile-period=1s", "--vault.auth-method=kubernetes",
			"--vault.kubernetes-path=my-kubernetes-vault-mount-point", "--vault.kubernetes-role=my-vault-role",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := syncer.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.put(t, "team/db", "first")
	for _, namespace := range []string{"team-c", "team-a", "team-b"} {
		if _, err := s.applyObject(t, namespace, "db", "team/db", ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, namespace := range []string{"team-a", "team-b"} {
		s.awaitReady(t, namespace, "db", plan.ReasonSynced)
	}
	s.put(t, "team/db", "second")
	s.awaitSecret(t, "team-b", "db", corev1.SecretTypeOpaque, "second")
	if _, err := s.lab.Vault().KVv2("secret").Put(t.Context(), "team/db", map[string]any{"x": "defined"}); err != nil {
		t.Fatal(err)
	}
	for _, namespace := range []string{"team-c", "team-a", "team-b"} {
		s.kubectl.MustApply(t, namespace, definition("defined", "defined", "{x: {path: secret/data/team/db, key: x}}"))
	}
	for _, namespace := range []string{"team-a", "team-b"} {
		s.awaitSecret(t, namespace, "defined", corev1.SecretTypeOpaque, "defined")
	}
	if out, err := s.kubectl.Run(t.Context(), "get", "secret", "db", "defined", "-n", "team-c", "--ignore-not-found"); err != nil || out != "" {
		t.Errorf("an object of a namespace that is not watched has a Secret: %s", out)
	}
	if _, refused := log.requests(t, "syncer", nil); len(refused) > 0 {
		t.Errorf("the API server refused %q", refused)
	}
	for _, where := range []string{"--namespace=team-c", "--all-namespaces"} {
		answer, _ := s.kubectl.Run(t.Context(), "auth", "can-i", "list", "secretdefinitions", where, "--as=system:serviceaccount:"+lab.Namespace+":syncer")
		if strings.TrimSpace(answer) != "no" {
			t.Errorf("may the syncer list SecretDefinitions %s? %s", where, answer)
		}
	}
	s.mayNot(t, "get", "create", "update", "delete", "list", "watch", "patch")
}

// mayNot asks the API server about the syncer's rights on Secrets: none outside of its namespaces, and no list, watch or patch
// within.
func (s *site) mayNot(t *testing.T, verbs ...string) {
	t.Helper()
	for _, verb := range verbs {
		for _, where := range []string{"--namespace=team-c", "--namespace=" + lab.Namespace, "--all-namespaces", "--namespace=team-a"} {
			answer, _ := s.kubectl.Run(t.Context(), "auth", "can-i", verb, "secrets", where, "--as=system:serviceaccount:"+lab.Namespace+":syncer")
			want := "no"
			if where == "--namespace=team-a" && slices.Contains([]string{"get", "create", "update", "delete"}, verb) {
				want = "yes"
			}
			if strings.TrimSpace(answer) != want {
				t.Errorf("may the syncer %s secrets %s? %s, not %s", verb, where, strings.TrimSpace(answer), want)
			}
		}
	}
}
