package e2e

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
)

func TestSecretBelongsToItsObjectAndGoesWithIt(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putAWS(t, namespace+"/db", value)
	kubectl.MustApply(t, namespace, object("db", "{backendType: secretsManager, data: [{key: "+namespace+"/db, name: password}]}"))
	secret := awaitData(t, namespace, "db", map[string]string{"password": value})
	es := awaitReason(t, namespace, "db", plan.ReasonSynced)
	yes := true
	want := []metav1.OwnerReference{{APIVersion: "kubernetes-client.io/v1", Kind: "ExternalSecret", Name: "db", UID: es.UID, Controller: &yes}}
	if diff := cmp.Diff(want, secret.OwnerReferences); diff != "" {
		t.Errorf("ownerReferences (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{names.LabelManaged: "true"}, secret.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{names.AnnotationDataRevision: "1"}, secret.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if secret.Type != corev1.SecretTypeOpaque {
		t.Errorf("got type %s, want Opaque", secret.Type)
	}
	for _, entry := range secret.ManagedFields {
		if entry.Manager != names.FieldManager {
			t.Errorf("field manager %s", entry.Manager)
		}
	}
	kubectl.Must(t, "delete", "externalsecret", "-n", namespace, "db")
	awaitNoSecret(t, namespace, "db")
}

func TestRetainedSecretSurvivesItsObjectAndIsTakenOver(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putAWS(t, namespace+"/db", value)
	spec := "backendType: secretsManager, data: [{key: " + namespace + "/db, name: password}]"
	want := map[string]string{"password": value}
	kubectl.MustApply(t, namespace, object("retained", "{deletionPolicy: Retain, "+spec+"}"))
	kubectl.MustApply(t, namespace, object("deleted", "{deletionPolicy: Delete, "+spec+"}"))
	awaitData(t, namespace, "deleted", want)
	secret := awaitData(t, namespace, "retained", want)
	first := awaitReason(t, namespace, "retained", plan.ReasonSynced)
	if len(secret.OwnerReferences) > 0 || secret.Annotations[names.AnnotationOwnerUID] != string(first.UID) {
		t.Fatalf("owners %v, annotations %v", secret.OwnerReferences, secret.Annotations)
	}
	kubectl.Must(t, "delete", "externalsecret", "-n", namespace, "retained", "deleted")
	awaitNoSecret(t, namespace, "deleted")
	untouched(t, secret)

	kubectl.MustApply(t, namespace, object("retained", "{deletionPolicy: Retain, "+spec+"}"))
	says(t, awaitReason(t, namespace, "retained", plan.ReasonSecretNotOwned), "deletionPolicy Retain")
	untouched(t, secret)
	annotate(t, namespace, names.AnnotationPermitAdopt+"=true")
	kubectl.MustApply(t, namespace, object("retained", "{deletionPolicy: Retain, adoptExisting: true, "+spec+"}"))
	second := awaitReason(t, namespace, "retained", plan.ReasonSynced)
	secret = getSecret(t, namespace, "retained")
	if got := secret.Annotations[names.AnnotationOwnerUID]; got != string(second.UID) {
		t.Errorf("it belongs to %s", got)
	}

	kubectl.MustApply(t, namespace, object("retained", "{deletionPolicy: Delete, "+spec+"}"))
	awaitSecret(t, namespace, "retained", func(s *corev1.Secret) error {
		if ref := metav1.GetControllerOf(s); ref == nil || ref.UID != second.UID || s.Annotations[names.AnnotationOwnerUID] != "" {
			return fmt.Errorf("owners %v, annotations %v", s.OwnerReferences, s.Annotations)
		}
		return nil
	})
	kubectl.Must(t, "delete", "externalsecret", "-n", namespace, "retained")
	awaitNoSecret(t, namespace, "retained")
}

func TestForeignSecretIsAdoptedOnlyWhereBothSidesAgree(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putAWS(t, namespace+"/db", value)
	kubectl.Must(t, "create", "secret", "generic", "-n", namespace, "db", "--from-literal=theirs="+secretValue(), "--from-literal=password=x")
	kubectl.Must(t, "label", "secret", "-n", namespace, "db", "team=theirs")
	foreign := getSecret(t, namespace, "db")
	spec := "backendType: secretsManager, data: [{key: " + namespace + "/db, name: password}]"

	kubectl.MustApply(t, namespace, object("db", "{"+spec+"}"))
	says(t, awaitReason(t, namespace, "db", plan.ReasonSecretNotOwned), "was not made for this ExternalSecret")
	awaitAttempts(t, theLab.Syncer.MetricsAddress, namespace, "db", "error", 2)
	untouched(t, foreign)

	change(t, "externalsecret", namespace, "db", `{"spec":{"adoptExisting":true}}`)
	awaitReason(t, namespace, "db", plan.ReasonSecretNotOwned)
	untouched(t, foreign)

	change(t, "externalsecret", namespace, "db", `{"spec":{"adoptExisting":false}}`)
	annotate(t, namespace, names.AnnotationPermitAdopt+"=true")
	awaitReason(t, namespace, "db", plan.ReasonSecretNotOwned)
	awaitAttempts(t, theLab.Syncer.MetricsAddress, namespace, "db", "error", 2)
	untouched(t, foreign)

	change(t, "externalsecret", namespace, "db", `{"spec":{"adoptExisting":true}}`)
	adopted := awaitData(t, namespace, "db", map[string]string{"password": value})
	if adopted.UID != foreign.UID || adopted.Labels["team"] != "theirs" || adopted.Labels[names.LabelManaged] != "true" {
		t.Errorf("uid %s was %s, labels %v", adopted.UID, foreign.UID, adopted.Labels)
	}
}

func TestSecretOfAnotherControllerIsNeverAdopted(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, map[string]string{names.AnnotationPermitAdopt: "true"})
	putAWS(t, namespace+"/db", secretValue())
	kubectl.Must(t, "create", "configmap", "-n", namespace, "controller")
	uid := kubectl.Must(t, "get", "configmap", "-n", namespace, "controller", "-o", "jsonpath={.metadata.uid}")
	kubectl.Stdin(fmt.Sprintf(`apiVersion: v1
kind: Secret
metadata: {name: db, namespace: %s, ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: controller, uid: %s, controller: true}]}
stringData: {a: b}
`, namespace, uid)).Must(t, "create", "-f", "-")
	foreign := getSecret(t, namespace, "db")
	kubectl.MustApply(t, namespace, object("db", "{backendType: secretsManager, adoptExisting: true, data: [{key: "+namespace+"/db, name: a}]}"))
	says(t, awaitReason(t, namespace, "db", plan.ReasonSecretNotOwned), "owned by ConfigMap controller")
	untouched(t, foreign)
}

// A Secret that KES wrote is ours when the controller is swapped: its object keeps its uid.
func TestSecretOfKESIsTakenOver(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putAWS(t, namespace+"/db", value)
	kubectl.MustApply(t, namespace, object("db", "{suspend: true, backendType: secretsManager, data: [{key: "+namespace+"/db, name: password}]}"))
	kubectl.Stdin(fmt.Sprintf(`apiVersion: v1
kind: Secret
type: Opaque
metadata: {name: db, namespace: %s, labels: {team: theirs}, ownerReferences: [
  {apiVersion: kubernetes-client.io/v1, kind: ExternalSecret, name: db, uid: %s, controller: true}]}
stringData: {password: old, gone: x}
`,
		namespace, getObject(t, namespace, "db").UID)).Must(t, "create", "-f", "-")
	kes := getSecret(t, namespace, "db")
	change(t, "externalsecret", namespace, "db", `{"spec":{"suspend":false}}`)
	ours := awaitData(t, namespace, "db", map[string]string{"password": value})
	if ours.UID != kes.UID || ours.Labels["team"] != "theirs" {
		t.Errorf("uid %s was %s, labels %v", ours.UID, kes.UID, ours.Labels)
	}
}

// The object is not refreshed: what repairs its Secret is the watch.
func TestDriftIsRepaired(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putVault(t, namespace, map[string]any{"password": value})
	kubectl.MustApply(t, namespace, object("db", "{"+vaultSpec+", refreshInterval: '0', dataFrom: [secret/data/"+namespace+"]}"))
	want := map[string]string{"password": value}
	awaitData(t, namespace, "db", want)
	repaired := func(what string) {
		t.Helper()
		secret := awaitSecret(t, namespace, "db", func(s *corev1.Secret) error {
			if s.Labels[names.LabelManaged] != "true" || len(s.Data) != 1 || string(s.Data["password"]) != value {
				return errors.New(what + " was not repaired")
			}
			return nil
		})
		harness.Eventually(t, func() error {
			if known := getObject(t, namespace, "db").Status.SecretResourceVersion; known != secret.ResourceVersion {
				return fmt.Errorf("after %s the status knows resourceVersion %s, not %s", what, known, secret.ResourceVersion)
			}
			return nil
		})
	}
	awaitReason(t, namespace, "db", plan.ReasonSynced)
	change(t, "secret", namespace, "db", `{"data":{"password":"eA==","more":"eA=="}}`)
	repaired("changed data")
	change(t, "secret", namespace, "db", `{"metadata":{"labels":null}}`)
	repaired("a stripped label")
	kubectl.Must(t, "delete", "secret", "-n", namespace, "db")
	repaired("a deletion")
}

func TestForeignMetadataStaysAndDroppedTemplateGoes(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putVault(t, namespace, map[string]any{"a": value, "b": "x"})
	spec := func(data, template string) string {
		return object("db", "{"+vaultSpec+", data: ["+data+"], template: "+template+"}")
	}
	entry := func(name string) string {
		return "{key: secret/data/" + namespace + ", name: " + name + ", property: " + name + "}"
	}
	kubectl.MustApply(t, namespace, spec(entry("a")+","+entry("b"), "{metadata: {labels: {stays: '1', goes: '1'}, annotations: {goes: '1'}}, stringData: {constant: c}, data: {b: aGlkZGVu}}"))
	awaitData(t, namespace, "db", map[string]string{"a": value, "b": "x", "constant": "c"})
	kubectl.Must(t, "label", "secret", "-n", namespace, "db", "team=theirs")
	kubectl.Must(t, "annotate", "secret", "-n", namespace, "db", "note=theirs")

	has := func(labels, annotations map[string]string) {
		t.Helper()
		awaitSecret(t, namespace, "db", func(s *corev1.Secret) error {
			delete(s.Annotations, names.AnnotationDataRevision)
			return errors.Join(differ(labels, s.Labels), differ(annotations, s.Annotations))
		})
	}
	kubectl.MustApply(t, namespace, spec(entry("a"), "{metadata: {labels: {stays: '2', new: '2'}}}"))
	awaitData(t, namespace, "db", map[string]string{"a": value})
	labels, annotations := map[string]string{"stays": "2", "new": "2", "team": "theirs", names.LabelManaged: "true"}, map[string]string{"note": "theirs"}
	has(labels, annotations)

	// The Secret is created again for another type: what was foreign must still be so at the next writes.
	before := getSecret(t, namespace, "db")
	kubectl.MustApply(t, namespace, spec(entry("a"), "{type: example.com/own, metadata: {labels: {new: '2'}}}"))
	delete(labels, "stays")
	awaitSecret(t, namespace, "db", func(s *corev1.Secret) error {
		if s.UID == before.UID || s.Type != "example.com/own" {
			return fmt.Errorf("it is of type %s", s.Type)
		}
		return nil
	})
	has(labels, annotations)
	awaitReason(t, namespace, "db", plan.ReasonSynced)
	awaitAttempts(t, theLab.Syncer.MetricsAddress, namespace, "db", "success", 2)
	has(labels, annotations)
	kubectl.MustApply(t, namespace, spec(entry("a"), "{type: example.com/own, metadata: {labels: {last: '3'}}}"))
	delete(labels, "new")
	labels["last"] = "3"
	has(labels, annotations)
}

func differ(want, got map[string]string) error {
	if diff := cmp.Diff(want, got); diff != "" {
		return errors.New(diff)
	}
	return nil
}

func TestSecretIsReTypedWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	namespace, user, password := newNamespace(t, nil), secretValue(), secretValue()
	putVault(t, namespace, map[string]any{"username": user, "password": password})
	spec := func(kind string) string {
		return object("db", "{"+vaultSpec+", dataFrom: [secret/data/"+namespace+"], template: {type: "+kind+"}}")
	}
	want := map[string]string{"username": user, "password": password}
	kubectl.MustApply(t, namespace, spec("Opaque"))
	opaque := awaitData(t, namespace, "db", want)
	ofType := func(kind corev1.SecretType) func(*corev1.Secret) error {
		return func(s *corev1.Secret) error {
			if s.Type != kind {
				return fmt.Errorf("it is of type %s", s.Type)
			}
			return nil
		}
	}
	kubectl.MustApply(t, namespace, spec("kubernetes.io/basic-auth"))
	basic := awaitSecret(t, namespace, "db", ofType(corev1.SecretTypeBasicAuth))
	awaitData(t, namespace, "db", want)
	if basic.UID == opaque.UID {
		t.Error("the Secret was not created again")
	}

	kubectl.MustApply(t, namespace, spec("kubernetes.io/tls"))
	es := awaitReason(t, namespace, "db", plan.ReasonInvalidValue)
	says(t, es, "ERROR, spec.template.type: a Secret of type kubernetes.io/tls needs the entry tls.crt")
	untouched(t, basic)

	kubectl.MustApply(t, namespace, spec("Opaque"))
	awaitSecret(t, namespace, "db", ofType(corev1.SecretTypeOpaque))
	awaitData(t, namespace, "db", want)
	awaitReason(t, namespace, "db", plan.ReasonSynced)
}

func TestImmutableSecretIsRotated(t *testing.T) {
	t.Parallel()
	namespace, first, second := newNamespace(t, nil), secretValue(), secretValue()
	putAWS(t, namespace+"/db", first)
	spec := "backendType: secretsManager, data: [{key: " + namespace + "/db, name: password}]"
	kubectl.MustApply(t, namespace, object("db", "{"+spec+", template: {immutable: true}}"))
	before := awaitData(t, namespace, "db", map[string]string{"password": first})
	if before.Immutable == nil || !*before.Immutable {
		t.Fatal("it is not immutable")
	}
	putAWS(t, namespace+"/db", second)
	after := awaitData(t, namespace, "db", map[string]string{"password": second})
	if after.Immutable == nil || !*after.Immutable || after.UID == before.UID {
		t.Errorf("immutable %v, uid %s was %s", after.Immutable, after.UID, before.UID)
	}
	kubectl.MustApply(t, namespace, object("db", "{"+spec+"}"))
	awaitSecret(t, namespace, "db", func(s *corev1.Secret) error {
		if s.Immutable != nil && *s.Immutable {
			return errors.New("it is still immutable")
		}
		return nil
	})
	awaitData(t, namespace, "db", map[string]string{"password": second})
}
