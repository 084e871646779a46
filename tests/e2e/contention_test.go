package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
)

// Two syncers that serve one object, as during a hand-over, cost each other reads: neither a wrong Secret nor a failure.
func TestTwoSyncersOfOneObject(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	startSyncer(t, namespace, "AWS_SM_ENDPOINT="+theLab.AWSEndpoint, "INSTANCE_ID=", "WATCHED_NAMESPACES="+namespace)
	putAWS(t, namespace+"/db", secretValue())
	const objects = 5
	spec := func(kind, data string) string {
		var manifests []string
		for i := range objects {
			manifests = append(manifests, object(fmt.Sprint("db-", i), "{backendType: secretsManager, data: [{key: "+namespace+"/db, name: password}"+data+"], template: {type: "+kind+"}}"))
		}
		return strings.Join(manifests, "---\n")
	}
	kubectl.MustApply(t, namespace, spec("Opaque", ""))
	await := func(want map[string]string, kind corev1.SecretType) {
		t.Helper()
		for i := range objects {
			name := fmt.Sprint("db-", i)
			awaitData(t, namespace, name, want)
			awaitSecret(t, namespace, name, func(s *corev1.Secret) error {
				if s.Type != kind {
					return fmt.Errorf("%s is of type %s", name, s.Type)
				}
				return nil
			})
		}
	}
	for range 3 {
		value := secretValue()
		putAWS(t, namespace+"/db", value)
		await(map[string]string{"password": value}, "Opaque")
	}
	value := secretValue()
	putAWS(t, namespace+"/db", value)
	kubectl.MustApply(t, namespace, spec("kubernetes.io/basic-auth", ", {key: "+namespace+"/db, name: username}"))
	await(map[string]string{"password": value, "username": value}, "kubernetes.io/basic-auth")
	kubectl.MustApply(t, namespace, spec("example.com/own", ""))
	await(map[string]string{"password": value}, "example.com/own")
	for i := range objects {
		awaitReason(t, namespace, fmt.Sprint("db-", i), plan.ReasonSynced)
	}
	if told := events(t, namespace); len(told) > 0 {
		t.Errorf("events: %v", told)
	}
}

// What changes a Secret at the same time as the syncer is either there afterwards or was overwritten, never a reason to fail.
func TestAnotherClientWritesTheSecretAllTheTime(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), ""
	putAWS(t, namespace+"/db", secretValue())
	kubectl.MustApply(t, namespace, object("db", "{backendType: secretsManager, data: [{key: "+namespace+"/db, name: password}]}"))
	awaitReason(t, namespace, "db", plan.ReasonSynced)
	for i := range 20 {
		if i%5 == 0 {
			value = secretValue()
			putAWS(t, namespace+"/db", value)
		}
		_, _ = kubectl.Run(t.Context(), "annotate", "--overwrite", "secret", "-n", namespace, "db", fmt.Sprint("count=", i)) // a conflict is kubectl's to bear
		if i == 10 {
			kubectl.Must(t, "delete", "secret", "-n", namespace, "db", "--ignore-not-found")
		}
	}
	awaitData(t, namespace, "db", map[string]string{"password": value})
	awaitReason(t, namespace, "db", plan.ReasonSynced)
	if told := events(t, namespace); len(told) > 0 {
		t.Errorf("events: %v", told)
	}
}

// A kubernetes-external-secrets that still runs writes the Secret without our label, and a status of its own.
func TestAnotherControllerBesideUsIsTold(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putAWS(t, namespace+"/db", value)
	kubectl.MustApply(t, namespace, object("db", "{backendType: secretsManager, data: [{key: "+namespace+"/db, name: password}]}"))
	awaitReason(t, namespace, "db", plan.ReasonSynced)
	theirs := `{"status": {"status": "SUCCESS", "lastSync": "2020-01-01T00:00:00.000Z", "conditions": null, "entries": null, "lastSuccess": null,
		"secretName": null, "secretResourceVersion": null, "observedForceSync": null}}`
	for range 3 {
		kubectl.Must(t, "patch", "externalsecret", "-n", namespace, "db", "--subresource=status", "--type=merge", "--patch="+theirs)
		kubectl.Must(t, "label", "secret", "-n", namespace, "db", names.LabelManaged+"-")
		awaitReason(t, namespace, "db", plan.ReasonSynced)
	}
	harness.Eventually(t, func() error {
		if told := events(t, namespace); !slices.Equal(told, []string{"Warning ServedTwice db 1"}) {
			return fmt.Errorf("events: %v", told)
		}
		return nil
	})
	awaitData(t, namespace, "db", map[string]string{"password": value})
}
