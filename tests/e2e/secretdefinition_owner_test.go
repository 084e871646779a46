package e2e

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/dialect/tuenti/v1alpha1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
)

// left makes a Secret as secrets-manager left them.
func left(t *testing.T, namespace, name string) *corev1.Secret {
	t.Helper()
	kubectl.Stdin(fmt.Sprintf(`apiVersion: v1
kind: Secret
type: Opaque
metadata: {name: %s, namespace: %s, labels: {app.kubernetes.io/managed-by: secrets-manager},
  annotations: {secrets-manager.tuenti.io/lastUpdateTime: 2020-04-22T14.34.17Z}}
stringData: {password: old}
`, name, namespace)).Must(t, "create", "-f", "-")
	return getSecret(t, namespace, name)
}

// withFinalizer is an object as secrets-manager left them.
func withFinalizer(name, secret, keysMap string) string {
	return fmt.Sprintf("apiVersion: secrets-manager.tuenti.io/v1alpha1\nkind: SecretDefinition\nmetadata: {name: %s, finalizers: [%s]}\n"+
		"spec: {name: %s, keysMap: %s}\n", name, v1alpha1.Finalizer, secret, keysMap)
}

func TestWhatSecretsManagerLeftIsTakenOver(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putVault(t, namespace, map[string]any{"password": value})
	keys := "{password: {path: secret/data/" + namespace + ", key: password}}"
	nowhere := "{password: {path: secret/data/" + namespace + "/nowhere, key: password}}"
	before := left(t, namespace, "db")
	left(t, namespace, "unread")
	foreign := mustSecret(t, namespace, "foreign")
	shared := left(t, namespace, "shared")
	kubectl.MustApply(t, namespace, withFinalizer("db", "db", keys))
	kubectl.MustApply(t, namespace, withFinalizer("unread", "unread", nowhere))
	kubectl.MustApply(t, namespace, withFinalizer("foreign", "foreign", keys))
	kubectl.MustApply(t, namespace, object("shared", "{suspend: true, backendType: vault, dataFrom: [secret/data/"+namespace+"]}"))
	waitASecond(t, namespace)
	kubectl.MustApply(t, namespace, definition("shared", "shared", keys))
	serveDefinitions(t, namespace, nil, appRole(t, "approle", nil).env()...)

	awaitData(t, namespace, "db", map[string]string{"password": value})
	d := awaitDefinition(t, namespace, "db", plan.ReasonSynced, "")
	after := getSecret(t, namespace, "db")
	if ref := metav1.GetControllerOf(after); ref == nil || ref.UID != d.UID || after.UID != before.UID {
		t.Errorf("owners %v, uid %s was %s", after.OwnerReferences, after.UID, before.UID)
	}
	harness.Eventually(t, func() error {
		if left := getDefinition(t, namespace, "db").Finalizers; len(left) > 0 {
			return fmt.Errorf("finalizers %v", left)
		}
		return nil
	})
	kubectl.Must(t, "delete", "secretdefinition", "-n", namespace, "db")
	awaitNoSecret(t, namespace, "db")

	// An ExternalSecret was there first.
	awaitDefinition(t, namespace, "shared", plan.ReasonSecretNotOwned, "is claimed by ExternalSecret shared, too, which is older")
	untouched(t, shared)

	// What was never taken over goes with its object all the same, and a foreign Secret stays.
	awaitDefinition(t, namespace, "unread", plan.ReasonSecretNotFound, namespace+"/nowhere")
	awaitDefinition(t, namespace, "foreign", plan.ReasonSecretNotOwned, "Secret foreign exists and was not made for this SecretDefinition: "+
		"it is left alone; delete it, or set another spec.name")
	kubectl.Must(t, "delete", "secretdefinition", "-n", namespace, "unread", "foreign", "--timeout=60s")
	awaitNoSecret(t, namespace, "unread")
	untouched(t, foreign)
}

// Of two replicas either serves some of the objects: the one that serves the later of two must know of the other all the same.
// The first ones never take over what they claim.
func TestClaimsOfObjectsThatAreNotServedCount(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	putVault(t, namespace, map[string]any{"password": secretValue()})
	env := appRole(t, "approle", nil).env()
	for _, replica := range []*ownSyncer{
		serveDefinitions(t, namespace, nil, env...),
		startSyncerWith(t, namespace+"-second", []string{"--secret-definitions", "--watch-namespaces=" + namespace}, append(env, "INSTANCE_ID="+namespace)...),
	} {
		awaitSeries(t, replica.metrics, "secretgate_shard_members", " 2")
	}
	const pairs = 8
	var secrets []*corev1.Secret
	for i := range pairs {
		name := fmt.Sprintf("db-%d", i)
		secrets = append(secrets, left(t, namespace, name))
		kubectl.MustApply(t, namespace, definition("first-"+name, name, "{password: {path: secret/data/"+namespace+"/nowhere, key: password}}"))
	}
	waitASecond(t, namespace)
	for _, secret := range secrets {
		kubectl.MustApply(t, namespace, definition("second-"+secret.Name, secret.Name, "{password: {path: secret/data/"+namespace+", key: password}}"))
	}
	for _, secret := range secrets {
		awaitDefinition(t, namespace, "second-"+secret.Name, plan.ReasonSecretNotOwned, "is claimed by SecretDefinition first-"+secret.Name)
		untouched(t, secret)
	}
}

// mustSecret makes a Secret that has no owner.
func mustSecret(t *testing.T, namespace, name string) *corev1.Secret {
	t.Helper()
	kubectl.Must(t, "create", "secret", "generic", "-n", namespace, name, "--from-literal=theirs="+secretValue())
	return getSecret(t, namespace, name)
}

// waitASecond lets the API server's clock move on, which tells objects' ages in seconds.
func waitASecond(t *testing.T, namespace string) {
	t.Helper()
	var first metav1.Time
	for i := 0; ; i++ {
		name := fmt.Sprintf("clock-%d", i)
		kubectl.Must(t, "create", "configmap", "-n", namespace, name)
		seen := metav1.Time{}
		text := kubectl.Must(t, "get", "configmap", "-n", namespace, name, "-o", "jsonpath={.metadata.creationTimestamp}")
		if err := seen.UnmarshalQueryParameter(text); err != nil {
			t.Fatal(err)
		}
		if first.IsZero() {
			first = seen
		}
		if first.Before(&seen) {
			return
		}
	}
}

func TestSpecNameMovesTheSecret(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putVault(t, namespace, map[string]any{"password": value})
	keys := "{password: {path: secret/data/" + namespace + ", key: password}}"
	want := map[string]string{"password": value}
	taken := mustSecret(t, namespace, "taken")
	serveDefinitions(t, namespace, nil, appRole(t, "approle", nil).env()...)
	kubectl.MustApply(t, namespace, definition("db", "before", keys))
	awaitData(t, namespace, "before", want)
	awaitDefinition(t, namespace, "db", plan.ReasonSynced, "")
	kubectl.MustApply(t, namespace, definition("db", "after", keys))
	awaitData(t, namespace, "after", want)
	awaitNoSecret(t, namespace, "before")
	if d := awaitDefinition(t, namespace, "db", plan.ReasonSynced, ""); d.Status.SecretName != "after" {
		t.Errorf("the status names %s", d.Status.SecretName)
	}
	after := getSecret(t, namespace, "after")
	kubectl.MustApply(t, namespace, definition("db", "taken", keys)) // no consumer is left without a Secret
	awaitDefinition(t, namespace, "db", plan.ReasonSecretNotOwned, "Secret taken exists")
	untouched(t, taken)
	untouched(t, after)
	kubectl.MustApply(t, namespace, definition("db", "after", keys))
	awaitDefinition(t, namespace, "db", plan.ReasonSynced, "")
	kubectl.Must(t, "delete", "secret", "-n", namespace, "after") // what is repaired is the Secret by its present name
	awaitData(t, namespace, "after", want)
}

func TestOfTwoObjectsTheLaterOneIsTold(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putVault(t, namespace, map[string]any{"password": value})
	putVault(t, namespace+"/other", map[string]any{"password": secretValue()})
	keys := "{password: {path: secret/data/" + namespace + ", key: password}}"
	others := "{password: {path: secret/data/" + namespace + "/other, key: password}}"
	external := "{" + vaultSpec + ", dataFrom: [secret/data/" + namespace + "/other]}"
	serveDefinitions(t, namespace, nil, appRole(t, "approle", nil).env()...)
	kubectl.MustApply(t, namespace, definition("first", "db", keys))
	awaitData(t, namespace, "db", map[string]string{"password": value})
	first := awaitDefinition(t, namespace, "first", plan.ReasonSynced, "")
	secret := getSecret(t, namespace, "db")
	kubectl.MustApply(t, namespace, definition("second", "db", others))
	kubectl.MustApply(t, namespace, object("db", external))
	owned := fmt.Sprintf("Secret db exists and is owned by SecretDefinition first (uid %s): it is left alone; delete it or ", first.UID)
	awaitDefinition(t, namespace, "second", plan.ReasonSecretNotOwned, owned+"set another spec.name")
	says(t, awaitReason(t, namespace, "db", plan.ReasonSecretNotOwned), owned+"rename this ExternalSecret")
	awaitAttempts(t, theLab.Syncer.MetricsAddress, namespace, "db", "error", 2)
	untouched(t, secret)
	if now := getDefinition(t, namespace, "first"); !cmp.Equal(first.Status, now.Status) {
		t.Errorf("the first one's status changed: %s", cmp.Diff(first.Status, now.Status))
	}

	kubectl.MustApply(t, namespace, object("mine", external))
	awaitReason(t, namespace, "mine", plan.ReasonSynced)
	mine := getSecret(t, namespace, "mine")
	kubectl.MustApply(t, namespace, definition("third", "mine", keys))
	awaitDefinition(t, namespace, "third", plan.ReasonSecretNotOwned, "Secret mine exists and is owned by ExternalSecret mine")
	untouched(t, mine)
}
