package e2e

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// The one namespace is served, the other is not, since excluding it wins; what is neither watched nor excluded is left alone.
func TestExcludingANamespaceWinsOverWatchingIt(t *testing.T) {
	t.Parallel()
	served, excluded, beside, value := newNamespace(t, nil), newNamespace(t, nil), newNamespace(t, nil), secretValue()
	putVault(t, served, map[string]any{"password": value})
	all := served + "," + excluded
	s := startSyncerWith(t, served, []string{"--secret-definitions", "--reconcile-period=1s", "--watch-namespaces=" + all, "--exclude-namespaces=" + excluded},
		appRole(t, "approle", nil).env()...)
	// And where all but the excluded ones are watched, which WATCHED_NAMESPACES narrows for the sake of the other tests.
	other := startSyncerWith(t, excluded, []string{"--secret-definitions", "--reconcile-period=1s", "--exclude-namespaces=" + excluded + "," + served},
		append(appRole(t, "approle", nil).env(), "WATCHED_NAMESPACES="+all)...)
	object := definition("db", "db", "{password: {path: secret/data/"+served+", key: password}}")
	for _, namespace := range []string{excluded, beside, served} {
		kubectl.MustApply(t, namespace, object)
	}
	awaitData(t, served, "db", map[string]string{"password": value})
	awaitSeries(t, s.metrics, fmt.Sprintf(`secrets_manager_controller_last_sync_status{name="db",namespace=%q}`, served), " 1")
	kubectl.MustApply(t, served, definition("last", "last", "{password: {path: secret/data/"+served+", key: password}}"))
	awaitData(t, served, "last", map[string]string{"password": value})
	for _, namespace := range []string{excluded, beside} {
		if d := getDefinition(t, namespace, "db"); d.Status.Status != "" || getSecret(t, namespace, "db") != nil {
			t.Errorf("namespace %s is served: %q", namespace, d.Status.Status)
		}
	}
	other.stopsCleanly(t)
	s.stopsCleanly(t)
}

func TestBadInputOfDefinitions(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putVault(t, namespace, map[string]any{"password": value, "plain": "no base64!", "empty": ""})
	serveDefinitions(t, namespace, nil, appRole(t, "approle", nil).env()...)
	kubectl.MustApply(t, namespace, definition("db", "db", in(namespace, "{password: {path: secret/data/NS, key: password}}")))
	awaitData(t, namespace, "db", map[string]string{"password": value})
	awaitDefinition(t, namespace, "db", plan.ReasonSynced, "")
	secret := getSecret(t, namespace, "db")
	for _, tc := range []struct {
		entry  string
		reason plan.Reason
		says   string
	}{
		{"path: secret/data/NS, key: nothing", plan.ReasonInvalidValue, "spec.keysMap[b]: Could not find property nothing in secret/data/NS"},
		{"path: secret/data/NS", plan.ReasonInvalidValue, "spec.keysMap[b]: Could not find property data in secret/data/NS"},
		{"path: secret/data/NS, key: plain, encoding: base64", plan.ReasonInvalidValue, "spec.keysMap[b]: property plain of secret/data/NS is not base64, though encoding says so"},
		{"path: secret/data/NS/nowhere, key: a", plan.ReasonSecretNotFound, "spec.keysMap[b]: cannot read key \"secret/data/NS/nowhere\""},
		{"path: secret/NS, key: a", plan.ReasonInvalidRequest, "with --vault.engine=kv2 it is <mount>/data/<name>"},
		{"path: cubby/hole, key: a", plan.ReasonAccessDenied, ""},
	} {
		kubectl.MustApply(t, namespace, definition("db", "db", in(namespace, "{password: {path: secret/data/NS, key: password}, b: {"+tc.entry+"}}")))
		awaitDefinition(t, namespace, "db", tc.reason, in(namespace, tc.says))
		untouched(t, secret) // never a part of it
	}
	kubectl.MustApply(t, namespace, definition("db", "db", in(namespace, "{password: {path: secret/data/NS, key: password}, empty: {path: secret/data/NS, key: empty}}")))
	awaitData(t, namespace, "db", map[string]string{"password": value, "empty": ""})
}

// What the API server itself and the webhook say to the client that applies; and the syncer, of what was stored before.
func TestPolicyOfDefinitions(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, map[string]string{names.AnnotationPermittedKeyName: "secret/data/team-a/.*"}), secretValue()
	putVault(t, "team-a/"+namespace, map[string]any{"password": base64.StdEncoding.EncodeToString([]byte(value))})
	for _, tc := range []struct{ keysMap, says string }{
		{"{a: {path: secret/data/team-b/db, key: k}}", `spec.keysMap[a].path: Forbidden: "secret/data/team-b/db" is not permitted in namespace "NS": ` +
			`annotation externalsecrets.kubernetes-client.io/permitted-key-name allows "secret/data/team-a/.*"`},
		{"{a: {path: secret/data/team-a/../team-b/db, key: k}}", "spec.keysMap[a].path: Invalid value: \"secret/data/team-a/../team-b/db\": must not contain the path segments . and .."},
		{"{a: {path: secret/data/team-a/db, encoding: rot13}}", `spec.keysMap.a.encoding: Unsupported value: "rot13"`},
		{"{a b: {path: secret/data/team-a/db}}", "spec.keysMap[a b]: Invalid value"},
		{"{}", "spec.keysMap: Required value: at least one entry is needed"},
	} {
		if _, err := kubectl.Apply(t.Context(), namespace, definition("db", "db", tc.keysMap)); err == nil || !strings.Contains(err.Error(), in(namespace, tc.says)) {
			t.Errorf("%s: %v", tc.keysMap, err)
		}
	}
	serveDefinitions(t, namespace, nil, appRole(t, "approle", nil).env()...)
	kubectl.MustApply(t, namespace, definition("db", "db", in(namespace, "{password: {path: secret/data/team-a/NS, key: password, encoding: base64}}")))
	awaitData(t, namespace, "db", map[string]string{"password": value})
	secret := getSecret(t, namespace, "db")
	said, err := kubectl.Show(t.Context(), "annotate", "--overwrite", "namespace", namespace, names.AnnotationPermittedKeyName+"=other/.*")
	if err != nil {
		t.Fatal(err)
	}
	if warning := "Warning: SecretDefinition db: spec.keysMap[password].path"; !strings.Contains(said, warning) {
		t.Errorf("kubectl does not print %q:\n%s", warning, said)
	}
	awaitDefinition(t, namespace, "db", plan.ReasonPolicyDenied, "spec.keysMap[password].path: Forbidden")
	untouched(t, secret)
	annotate(t, namespace, names.AnnotationPermittedKeyName+"-")
	awaitDefinition(t, namespace, "db", plan.ReasonSynced, "")
	annotate(t, namespace, names.AnnotationRequireRole+"=true")
	awaitDefinition(t, namespace, "db", plan.ReasonPolicyDenied, "demands a role")
}
