package e2e

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/shared/dialect/sealed/v1alpha1"
	"github.com/secretgate/secretgate/tests/harness"
)

func TestSealed(t *testing.T) {
	t.Parallel()
	s := newSealedSite(t)
	t.Run("a tutorial's commands work as they stand", s.followsTutorial)
	t.Run("kubeseal validates and encrypts again", s.asksByKubeseal)
	t.Run("who may call the syncer as kubeseal does", s.restrictsKubeseal)
	t.Run("each scope opens where it should, and nowhere else", s.scopes)
	t.Run("a scope that changes is seen", s.followsScope)
	t.Run("drift is repaired", s.repairs)
	t.Run("templates see what was opened", s.templates)
	t.Run("a Secret of another client is taken over or completed, where its namespace permits that", s.adopts)
	t.Run("Secrets without an owner, and immutable ones", s.ownerless)
	t.Run("an old key opens what it sealed, and one that comes heals at once", s.restoresKeys)
	t.Run("a key that cannot be read harms nothing", s.skipsMalformedKeys)
	t.Run("what no key opens is warned of at apply, and denied where the namespace requires that", s.warnsOfClosed)
	t.Run("what is not known is never denied", s.storesUnknown)
	t.Run("the syncer says to no client but the webhook what it opens", s.answersTheWebhookAlone)
	t.Run("two replicas share the objects and make one key", s.shares)
	t.Run("what is forbidden is denied, and past the webhook the syncer refuses it", s.refuses)
	s.showsNothing(t)
	for _, service := range []string{"webhook", "syncer"} {
		if _, refused := s.log.requests(t, service, nil); len(refused) > 0 {
			t.Errorf("the API server refused the %s %q, want the component to grant what it needs", service, refused)
		}
	}
}

// followsTutorial runs the commands of a tutorial of Sealed Secrets, but for the namespace of the controller.
func (s sealedSite) followsTutorial(t *testing.T) {
	value := secretValue()
	tool(t, s.lab, "kubeseal") // which the shell finds in PATH
	user := newShellOf(t, s.lab, "default")
	printed, err := user.run(t.Context(), strings.NewReplacer("S3cr3tPassw0rd", value).Replace(`
kubectl create namespace secrets-demo
kubeseal \
--controller-name=sealed-secrets-controller \
--controller-namespace=secretgate \
--fetch-cert > sealed-secrets-cert.pem
kubectl create secret generic ss-postgres-secret --namespace=secrets-demo \
--from-literal=username=admin \
--from-literal=password='S3cr3tPassw0rd' \
--dry-run=client -o yaml | \
kubeseal --cert sealed-secrets-cert.pem --format yaml > postgres-sealed-secret.yaml
kubectl apply -f postgres-sealed-secret.yaml
kubectl wait --for=condition=Synced --timeout=180s --namespace=secrets-demo sealedsecret/ss-postgres-secret
echo $(kubectl get secret ss-postgres-secret --namespace=secrets-demo --template=\{\{.data.username}} | base64 -d)
echo $(kubectl get secret ss-postgres-secret --namespace=secrets-demo --output jsonpath="{.data.password}" | base64 -d)
kubectl get sealedsecrets --namespace=secrets-demo
`))
	if err != nil {
		t.Fatalf("%v: %s", err, printed)
	}
	if !strings.Contains(printed, "admin\n"+value+"\n") {
		t.Errorf("got %s, want the values that were sealed", printed)
	}
	object := s.says(t, "secrets-demo", "ss-postgres-secret", "True", "")
	if object.Status.ObservedGeneration != object.Generation {
		t.Errorf("got observedGeneration %d, want %d", object.Status.ObservedGeneration, object.Generation)
	}
	s.hasEvent(t, "secrets-demo", "ss-postgres-secret", "Unsealed")
	secret := s.holds(t, "secrets-demo", "ss-postgres-secret", map[string]string{"username": "admin", "password": value})
	if len(secret.OwnerReferences) != 1 || secret.OwnerReferences[0].UID != object.UID {
		t.Errorf("got owners %v, want the SealedSecret", secret.OwnerReferences)
	}
}

// namespace makes one.
func (s sealedSite) namespace(t *testing.T, name string, annotations ...string) string {
	t.Helper()
	s.kubectl.MustApply(t, "", fmt.Sprintf("{apiVersion: v1, kind: Namespace, metadata: {name: %s, annotations: {%s}}}",
		name, strings.Join(annotations, ", ")))
	return name
}

// apply is for manifests that are accepted.
func (s sealedSite) apply(t *testing.T, manifest sealedManifest) {
	t.Helper()
	s.kubectl.MustApply(t, "", string(manifest))
}

// holds waits until a Secret has this data alone.
func (s sealedSite) holds(t *testing.T, namespace, name string, want map[string]string) (found corev1.Secret) {
	t.Helper()
	harness.Eventually(t, func() error {
		found = corev1.Secret{}
		if err := s.kubectl.Read(t.Context(), &found, "secret", name, "-n", namespace); err != nil {
			return err
		}
		return harness.Holds(found.Data, want)
	})
	return found
}

// has is holds for what is so already.
func (s sealedSite) has(t *testing.T, namespace, name string, want map[string]string) {
	t.Helper()
	var found corev1.Secret
	s.decode(t, &found, "secret", name, "-n", namespace)
	if err := harness.Holds(found.Data, want); err != nil {
		t.Error(err)
	}
}

// hasNot expects that there is no Secret.
func (s sealedSite) hasNot(t *testing.T, namespace, name string) {
	t.Helper()
	if left := s.kubectl.Must(t, "get", "secret", name, "-n", namespace, "--ignore-not-found", "-o", "name"); left != "" {
		t.Errorf("got %s in namespace %s, want none", left, namespace)
	}
}

// says waits for the status of condition Synced of the present generation, and for what its message says.
func (s sealedSite) says(t *testing.T, namespace, name, status, message string) (found v1alpha1.SealedSecret) {
	t.Helper()
	harness.Eventually(t, func() error {
		found = v1alpha1.SealedSecret{}
		if err := s.kubectl.Read(t.Context(), &found, "sealedsecrets", name, "-n", namespace); err != nil {
			return err
		}
		if found.Status.ObservedGeneration == found.Generation {
			for _, c := range found.Status.Conditions {
				if c.Type == "Synced" && string(c.Status) == status && strings.Contains(c.Message, message) {
					return nil
				}
			}
		}
		return fmt.Errorf("%s/%s: got status %+v, want Synced %s with %q", namespace, name, found.Status, status, message)
	})
	return found
}

// hasEvent waits for an event about an object of any kind, for this reason, or for any where that is empty.
func (s sealedSite) hasEvent(t *testing.T, namespace, name, reason string) {
	t.Helper()
	harness.Eventually(t, func() error {
		said, err := s.kubectl.Run(t.Context(), "get", "events", "-n", namespace, "--field-selector=involvedObject.name="+name,
			"-o", "jsonpath={.items[*].reason}")
		if err != nil || said == "" || reason != "" && !slices.Contains(strings.Fields(said), reason) {
			return fmt.Errorf("%s/%s: got events %q (%w), want %s", namespace, name, said, err, reason)
		}
		return nil
	})
}

// denies expects that a manifest is denied with this text.
func (s sealedSite) denies(t *testing.T, what string, manifest sealedManifest, want string) {
	t.Helper()
	if _, err := s.kubectl.Apply(t.Context(), "", string(manifest)); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: got %v, want a denial that says %q", what, err, want)
	}
}

// showsNothing looks for what tests sealed, and for the lines of all private keys, in all that the site's services print and show.
func (s sealedSite) showsNothing(t *testing.T) {
	t.Helper()
	var keys corev1.SecretList
	s.decode(t, &keys, "secrets", "--all-namespaces", "-l", sealingKeyLabel)
	if len(keys.Items) == 0 {
		t.Error("got no keys to look for, want some")
	}
	for _, key := range keys.Items {
		plantPEM(key.Data[corev1.TLSPrivateKeyKey])
		plantPEM([]byte(base64.StdEncoding.EncodeToString(key.Data[corev1.TLSPrivateKeyKey])))
	}
	if found := leaksOf(s.lab); len(found) > 0 {
		t.Errorf("planted values are in %s", strings.Join(found, ", "))
	}
	shown, err := s.kubectl.Run(context.WithoutCancel(t.Context()), "get", "sealedsecrets,events", "--all-namespaces", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	if holdsPlanted([]byte(shown)) {
		t.Error("a status or an event holds a planted value")
	}
}

// readFile is the text of a file.
func readFile(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
