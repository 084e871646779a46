package e2e

import (
	"fmt"
	"strconv"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
)

func TestRotationArrives(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	kubectl.MustApply(t, namespace, object("aws", "{backendType: secretsManager, data: [{key: "+namespace+"/db, name: password}]}"))
	kubectl.MustApply(t, namespace, object("vault", "{"+vaultSpec+", dataFrom: [secret/data/"+namespace+"]}"))
	// The first time the values come only after their objects.
	awaitReason(t, namespace, "aws", plan.ReasonSecretNotFound)
	awaitReason(t, namespace, "vault", plan.ReasonSecretNotFound)
	for round := range 3 {
		aws, vault := secretValue(), secretValue()
		putAWS(t, namespace+"/db", aws)
		putVault(t, namespace, map[string]any{"password": vault})
		awaitData(t, namespace, "aws", map[string]string{"password": aws})
		awaitData(t, namespace, "vault", map[string]string{"password": vault})
		awaitVersion(t, namespace, "aws", currentVersion(t, namespace+"/db"))
		awaitVersion(t, namespace, "vault", strconv.Itoa(round+1))
	}
}

// awaitVersion waits until the status of an object with one entry tells its version: it is written after the Secret.
func awaitVersion(t *testing.T, namespace, name, version string) {
	t.Helper()
	harness.Eventually(t, func() error {
		if entries := getObject(t, namespace, name).Status.Entries; len(entries) != 1 || entries[0].Version != version {
			return fmt.Errorf("status.entries of %s are %v, without version %s", name, entries, version)
		}
		return nil
	})
}

// pair is an object that is refreshed and another that is not, of the same value: when the first has a new one and the
// syncer has been through it twice more, the other would have it, too.
type pair struct{ namespace, spec string }

func newPair(t *testing.T, value string) pair {
	t.Helper()
	p := pair{namespace: newNamespace(t, nil)}
	p.spec = "backendType: secretsManager, data: [{key: " + p.namespace + "/db, name: password}]"
	putAWS(t, p.namespace+"/db", value)
	kubectl.MustApply(t, p.namespace, object("refreshed", "{"+p.spec+"}"))
	awaitData(t, p.namespace, "refreshed", map[string]string{"password": value})
	return p
}

func (p pair) rotate(t *testing.T, still *corev1.Secret) (value string) {
	t.Helper()
	value = secretValue()
	putAWS(t, p.namespace+"/db", value)
	awaitData(t, p.namespace, "refreshed", map[string]string{"password": value})
	awaitAttempts(t, theLab.Syncer.MetricsAddress, p.namespace, "refreshed", "success", 2)
	untouched(t, still)
	return value
}

func TestForceSync(t *testing.T) {
	t.Parallel()
	value := secretValue()
	p := newPair(t, value)
	kubectl.MustApply(t, p.namespace, object("still", "{refreshInterval: '0', "+p.spec+"}"))
	still := awaitData(t, p.namespace, "still", map[string]string{"password": value})
	awaitReason(t, p.namespace, "still", plan.ReasonSynced)
	value = p.rotate(t, still)
	if made := attempts(t, theLab.Syncer.MetricsAddress, p.namespace, "still", "success"); made > 2 { // one more may follow its own status
		t.Errorf("it was synced %d times", made)
	}
	kubectl.Must(t, "annotate", "externalsecret", "-n", p.namespace, "still", names.AnnotationForceSync+"=one")
	still = awaitData(t, p.namespace, "still", map[string]string{"password": value})
	harness.Eventually(t, func() error {
		if seen := getObject(t, p.namespace, "still").Status.ObservedForceSync; seen != "one" {
			return fmt.Errorf("status.observedForceSync is %q", seen)
		}
		return nil
	})
	p.rotate(t, still)
}

func TestSuspend(t *testing.T) {
	t.Parallel()
	value := secretValue()
	p := newPair(t, value)
	kubectl.MustApply(t, p.namespace, object("still", "{"+p.spec+"}"))
	awaitData(t, p.namespace, "still", map[string]string{"password": value})
	change(t, "externalsecret", p.namespace, "still", `{"spec":{"suspend":true}}`)
	es := awaitReason(t, p.namespace, "still", plan.ReasonSuspended)
	if es.Status.Status != "SUCCESS" || es.Status.Conditions[0].Status != "True" {
		t.Errorf("status %q, condition %v", es.Status.Status, es.Status.Conditions[0])
	}
	value = p.rotate(t, getSecret(t, p.namespace, "still"))
	change(t, "externalsecret", p.namespace, "still", `{"spec":{"suspend":false}}`)
	awaitData(t, p.namespace, "still", map[string]string{"password": value})
	awaitReason(t, p.namespace, "still", plan.ReasonSynced)
}
