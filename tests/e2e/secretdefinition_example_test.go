package e2e

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/dialect/tuenti/v1alpha1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/syncstatus"
)

// secrets-manager's README, "An example of a secretdefinition object", as it stands there.
const exampleDefinition = `
---
apiVersion: secrets-manager.tuenti.io/v1alpha1
kind: SecretDefinition
metadata:
  name: secretdefinition-sample
spec:
# Add fields here
  name: supersecretnew
  keysMap:
    decoded:
      path: secret/data/pathtosecret1
      encoding: base64
      key: value
    raw:
      path: secret/data/pathtosecret1
      key: value
`

func TestSecretDefinitionOfTheDocuments(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	serveDefinitions(t, namespace, nil, appRole(t, "approle", nil).env()...)
	write := func() (entries map[string]string) {
		value := secretValue()
		encoded := base64.StdEncoding.EncodeToString([]byte(value))
		putVault(t, "pathtosecret1", map[string]any{"value": encoded})
		return map[string]string{"decoded": value, "raw": encoded}
	}
	entries := write()
	kubectl.MustApply(t, namespace, exampleDefinition)
	awaitData(t, namespace, "supersecretnew", entries)

	d := awaitDefinition(t, namespace, "secretdefinition-sample", plan.ReasonSynced, "SUCCESS")
	secret := getSecret(t, namespace, "supersecretnew")
	yes := true
	want := metav1.ObjectMeta{
		Labels: map[string]string{names.LabelManaged: "true", v1alpha1.LabelManagedBy: "secrets-manager"},
		Annotations: map[string]string{
			v1alpha1.AnnotationLastUpdate: secret.Annotations[v1alpha1.AnnotationLastUpdate], names.AnnotationDataRevision: "1",
		},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "secrets-manager.tuenti.io/v1alpha1", Kind: "SecretDefinition", Name: d.Name, UID: d.UID, Controller: &yes}},
	}
	got := metav1.ObjectMeta{Labels: secret.Labels, Annotations: secret.Annotations, OwnerReferences: secret.OwnerReferences}
	if diff := cmp.Diff(want, got); diff != "" || secret.Type != corev1.SecretTypeOpaque {
		t.Errorf("type %s, metadata (-want +got):\n%s", secret.Type, diff)
	}
	if _, err := time.Parse(v1alpha1.LastUpdateFormat, secret.Annotations[v1alpha1.AnnotationLastUpdate]); err != nil {
		t.Error(err)
	}
	wantStatus := syncstatus.Status{
		Status: "SUCCESS", ObservedGeneration: 1, SecretName: "supersecretnew", SecretResourceVersion: secret.ResourceVersion,
		SecretUID: string(secret.UID), DataRevision: 1,
		Conditions: []metav1.Condition{{Type: "Ready", Status: "True", Reason: "Synced", ObservedGeneration: 1}},
		Entries: []syncstatus.Entry{
			{Field: "spec.keysMap[decoded]", Name: "decoded", Version: d.Status.Entries[0].Version},
			{Field: "spec.keysMap[raw]", Name: "raw", Version: d.Status.Entries[0].Version},
		},
	}
	times := []cmp.Option{cmpopts.IgnoreFields(metav1.Condition{}, "LastTransitionTime"), cmpopts.IgnoreFields(syncstatus.Status{}, "LastSync", "LastSuccess")}
	if diff := cmp.Diff(wantStatus, d.Status, times...); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	header, _, _ := strings.Cut(kubectl.Must(t, "get", "secretdefinitions", "-n", namespace), "\n")
	if diff := cmp.Diff([]string{"NAME", "SECRET", "READY", "REASON", "LAST", "SYNC", "AGE"}, strings.Fields(header)); diff != "" {
		t.Error(diff)
	}

	entries = write() // it is kept in step
	awaitData(t, namespace, "supersecretnew", entries)
	kubectl.Must(t, "delete", "secret", "-n", namespace, "supersecretnew")
	awaitData(t, namespace, "supersecretnew", entries)
	change(t, "secret", namespace, "supersecretnew", `{"data":{"raw":"eA==","more":"eA=="}}`)
	awaitData(t, namespace, "supersecretnew", entries)
	kubectl.Must(t, "delete", "secretdefinition", "-n", namespace, "secretdefinition-sample")
	awaitNoSecret(t, namespace, "supersecretnew")
}

func TestLabelsAndAnnotationsGoAlong(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putVault(t, namespace, map[string]any{"password": value})
	serveDefinitions(t, namespace, nil, appRole(t, "approle", nil).env()...)
	kubectl.MustApply(t, namespace, `
apiVersion: secrets-manager.tuenti.io/v1alpha1
kind: SecretDefinition
metadata:
  name: db
  labels: {team: payments, goes: soon, app.kubernetes.io/managed-by: Helm, argocd.argoproj.io/instance: x, kustomize.toolkit.fluxcd.io/name: x}
  annotations: {note: theirs, argocd.argoproj.io/tracking-id: x, meta.helm.sh/release-name: x}
spec:
  name: db
  type: example.com/own
  keysMap: {password: {path: secret/data/`+namespace+`, key: password}}
`)
	awaitData(t, namespace, "db", map[string]string{"password": value})
	has := func(labels map[string]string) {
		t.Helper()
		awaitSecret(t, namespace, "db", func(s *corev1.Secret) error {
			annotations := map[string]string{"note": "theirs", v1alpha1.AnnotationLastUpdate: s.Annotations[v1alpha1.AnnotationLastUpdate]}
			if s.Type != "example.com/own" {
				return fmt.Errorf("it is of type %s", s.Type)
			}
			delete(s.Annotations, names.AnnotationDataRevision)
			return errors.Join(differ(labels, s.Labels), differ(annotations, s.Annotations))
		})
	}
	labels := map[string]string{"team": "payments", "goes": "soon", v1alpha1.LabelManagedBy: "secrets-manager", names.LabelManaged: "true"}
	has(labels)
	kubectl.Must(t, "label", "secretdefinition", "-n", namespace, "db", "goes-", "team=billing", "--overwrite")
	value = secretValue()
	putVault(t, namespace, map[string]any{"password": value}) // labels come along with the next write
	awaitData(t, namespace, "db", map[string]string{"password": value})
	delete(labels, "goes")
	labels["team"] = "billing"
	has(labels)
}
