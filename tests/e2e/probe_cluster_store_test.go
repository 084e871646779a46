package e2e

import (
	"context"
	"strings"
	"testing"

	probev1 "github.com/secretgate/secretgate/shared/dialect/dialecttest/probe/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// clusterStore is the manifest of a ClusterProbeStore of a team's name, which goes when the test ends.
func (p *probeTeam) clusterStore(t *testing.T, spec probev1.ProbeStoreSpec, conditions ...probev1.Condition) string {
	t.Helper()
	t.Cleanup(func() {
		_, _ = kubectl.Run(context.Background(), "delete", "clusterprobestore", p.namespace, "--ignore-not-found")
	})
	return asJSON(t, map[string]any{
		"apiVersion": probev1.GroupVersion.String(), "kind": probev1.ClusterStoreKind, "metadata": map[string]any{"name": p.namespace},
		"spec": probev1.ClusterProbeStoreSpec{ProbeStoreSpec: spec, Conditions: conditions},
	}) + "\n"
}

// shared is a Probe that reads through that store.
func (p *probeTeam) shared(name string) string {
	return p.probeOf(name, "{storeRef: {kind: ClusterProbeStore, name: NS}, refreshInterval: '0', entries: [{name: password, key: secret/data/NS/db, property: password}]}")
}

// A store of the cluster is its administrator's: it is stored, whatever the namespaces of its objects permit, with a warning of those that
// it forbids. Who may use it is said when an object is applied.
func probeClusterStores(t *testing.T, p *probeInstallation) {
	team := p.newTeamIn(t, makeNamespace(t, map[string]string{judged: "true", "team": "core"}, map[string]string{
		names.AnnotationPermittedKeyName: "secret/data/e2e-.*", names.AnnotationPermittedRole: "e2e-.*",
	}))
	team.mayRequestTokens(t, tokenRule)
	team.asksTheWebhook(t)
	says := func(what, said string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(said, in(team.namespace, want)) {
				t.Errorf("%s: kubectl prints\n%s\nwant %q", what, said, in(team.namespace, want))
			}
		}
		if len(wants) == 0 && strings.Contains(said, "Warning:") {
			t.Errorf("%s: kubectl prints\n%s\nwant no warning", what, said)
		}
	}
	team.denied(t, "a store that is wrong", team.clusterStore(t, team.byAccount(), probev1.Condition{NamespaceRegexes: []string{"("}}),
		`spec.conditions[0].namespaceRegexes[0]: Invalid value: "(": must be a regular expression`)
	says("a store that admits the namespace", team.apply(t, team.clusterStore(t, team.byAccount(), probev1.Condition{Namespaces: []string{team.namespace}})))
	says("an object of it", team.apply(t, team.shared("db")))
	secret := team.synced(t, "db")

	root := team.byAccount()
	root.Role = "root"
	const forbids = "Warning: this ClusterProbeStore forbids 1 Probe not forbidden before; refreshes of them end, their Secrets stay"
	says("a role that the namespace does not permit", team.apply(t, team.clusterStore(t, root)),
		forbids, "Warning: Probe NS/db: ClusterProbeStore[NS].spec.role")
	team.awaits(t, "db", plan.ReasonPolicyDenied, `ClusterProbeStore[NS].spec.role: Forbidden: "root" is not permitted in namespace "NS"`)
	team.denied(t, "an object of such a store", team.shared("other"), `ClusterProbeStore[NS].spec.role: Forbidden: "root" is not permitted in namespace "NS"`)
	says("the old role", team.apply(t, team.clusterStore(t, team.byAccount())))
	team.synced(t, "db")

	elsewhere := probev1.Condition{Namespaces: []string{"elsewhere"}}
	says("conditions that do not admit it", team.apply(t, team.clusterStore(t, team.byAccount(), elsewhere)), forbids, "Warning: Probe NS/db: spec.storeRef")
	const confined = `spec.storeRef: Forbidden: ClusterProbeStore NS admits other namespaces only, and not "NS": see its spec.conditions`
	team.awaits(t, "db", plan.ReasonPolicyDenied, confined)
	team.denied(t, "an object of a store that does not admit it", team.shared("other"), confined)
	untouched(t, secret)
}

// The role of a store may be an annotation of a ServiceAccount, which the webhook reads where it may.
func probeRolesByAnnotation(t *testing.T, p *probeInstallation) {
	team := p.newTeamIn(t, makeNamespace(t, map[string]string{judged: "true"}, map[string]string{
		names.AnnotationPermittedKeyName: "secret/data/e2e-.*", names.AnnotationPermittedRole: "e2e-.*",
	}))
	team.asksTheWebhook(t)
	kubectl.Must(t, "annotate", "-n", team.namespace, "serviceaccount", "reader", "vault.example.com/role=root")
	spec := team.byAccount()
	spec.Role, spec.ServiceAccountRef.RoleAnnotation = "", "vault.example.com/role"
	const kept = "spec.serviceAccountRef: the webhook may not read ServiceAccount NS/reader: what depends on it is judged by the syncer alone, " +
		"unless the webhook's ClusterRole allows get on serviceaccounts"
	if said := team.apply(t, probeStore(t, "vault", spec)); !strings.Contains(said, in(team.namespace, "Warning: "+kept)) {
		t.Errorf("without the right: kubectl prints\n%s\nwant %q", said, in(team.namespace, kept))
	}
	kubectl.MustApply(t, team.namespace, `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: roles-by-annotation}
rules: [{apiGroups: [""], resources: [serviceaccounts], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: roles-by-annotation}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: roles-by-annotation}
subjects: [{kind: ServiceAccount, name: webhook, namespace: secretgate}]
`)
	const denied = `spec.serviceAccountRef.roleAnnotation: Forbidden: "root" is not permitted in namespace "NS": annotation `
	team.denied(t, "a store, with the right", probeStore(t, "another", spec), denied)
	team.denied(t, "an object of the store that was stored", team.probe("db", "vault"), "ProbeStore[vault]."+denied)
	kubectl.Must(t, "annotate", "--overwrite", "-n", team.namespace, "serviceaccount", "reader", "vault.example.com/role="+team.namespace)
	if said := team.apply(t, probeStore(t, "another", spec), team.probe("db", "vault")); strings.Contains(said, "Warning:") {
		t.Errorf("a role that is permitted: kubectl prints\n%s\nwant no warning", said)
	}
}
