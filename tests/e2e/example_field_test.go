package e2e

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/secretmanager"
)

// contains fails unless a text holds another.
func contains(t *testing.T, text, want string) {
	t.Helper()
	if !strings.Contains(text, want) {
		t.Errorf("%q is not in %q", want, text)
	}
}

// KES README, Deprecations: each old name alone, and all at once, make the Secret that the new ones make.
func TestDocumentedDeprecations(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body, warning string
		kind          corev1.SecretType
	}{
		"secretDescriptor": {
			"secretDescriptor: {backendType: secretsManager, data: [{key: NS/db, name: password}]}", "secretDescriptor is deprecated: use spec", "Opaque",
		},
		"spec.type": {
			"spec: {backendType: secretsManager, type: example.com/old, data: [{key: NS/db, name: password}]}",
			"spec.type is deprecated: use spec.template.type", "example.com/old",
		},
		"spec.properties": {
			"spec: {backendType: secretsManager, properties: [{key: NS/db, name: password}]}", "spec.properties is deprecated: use spec.data", "Opaque",
		},
		"secretManager": {
			"spec: {backendType: secretManager, data: [{key: NS/db, name: password}]}",
			"spec.backendType secretManager is deprecated: use secretsManager", "Opaque",
		},
		"all at once": {
			"secretDescriptor: {backendType: secretManager, type: example.com/old, properties: [{key: NS/db, name: password}]}",
			"secretDescriptor.properties is deprecated: use spec.data", "example.com/old",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace, value := newNamespace(t, nil), secretValue()
			putAWS(t, namespace+"/db", value)
			said := kubectl.MustApply(t, namespace, "apiVersion: kubernetes-client.io/v1\nkind: ExternalSecret\nmetadata: {name: old}\n"+in(namespace, tc.body))
			contains(t, said, "Warning: "+tc.warning)
			if secret := awaitData(t, namespace, "old", map[string]string{"password": value}); secret.Type != tc.kind {
				t.Errorf("type %s, not %s", secret.Type, tc.kind)
			}
			awaitReason(t, namespace, "old", plan.ReasonSynced)
		})
	}
}

// What KES can and Secretgate cannot is refused when it is applied, and the answer says what to do.
func TestWhatIsNotSupportedSaysSo(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	for name, tc := range map[string]struct{ spec, says string }{
		"IBM Cloud Secrets Manager": {
			"{backendType: ibmcloudSecretsManager, keyByName: true, data: [{key: a, name: x, secretType: arbitrary}]}",
			"IBM Cloud Secrets Manager and Akeyless are not supported by Secretgate",
		},
		"Akeyless": {
			"{backendType: akeyless, data: [{key: /a, name: x}]}", "IBM Cloud Secrets Manager and Akeyless are not supported by Secretgate",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said, err := kubectl.Apply(t.Context(), namespace, object("x", tc.spec))
			if err == nil {
				t.Fatalf("it was accepted: %s", said)
			}
			contains(t, err.Error(), tc.says)
		})
	}
}

// KES README, GCP Secret Manager, Workload Identity: no key file, but the metadata server of the node.
func TestDocumentedWorkloadIdentityOfGoogle(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putGoogle(t, secretmanager.Secret{Name: namespace, String: fmt.Sprintf(`{"value":%q}`, value)})
	s := startSyncerWith(t, namespace, []string{"--gcp-endpoint=" + theLab.GCPEndpoint},
		"GCE_METADATA_HOST="+strings.TrimPrefix(theLab.CloudsURL, "http://"), "NODE_EXTRA_CA_CERTS="+theLab.CloudsCA)
	kubectl.MustApply(t, namespace, s.object("named", "{backendType: gcpSecretsManager, projectId: my-gsm-secret-project, data: [{key: "+namespace+", name: value, version: latest, property: value}]}"))
	kubectl.MustApply(t, namespace, s.object("default", "{backendType: gcpSecretsManager, dataFrom: ["+namespace+"]}")) // the credentials' own project
	awaitData(t, namespace, "named", map[string]string{"value": value})
	awaitData(t, namespace, "default", map[string]string{"value": value})
	s.stopsCleanly(t)
}
