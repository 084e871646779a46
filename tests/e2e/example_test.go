package e2e

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/ssm"
)

// TestDocumentedExamples applies the examples of KES's README, and of a blog post about it, as they stand there.
func TestDocumentedExamples(t *testing.T) {
	t.Parallel()
	plain, user, password, former, other, apiKey := secretValue(), secretValue(), secretValue(), secretValue(), secretValue(), secretValue()
	database := fmt.Sprintf(" { \"user\": %q, \"password\": %q } ", user, password)
	putAWS(t, "hello-service/password", plain)
	putAWS(t, "hello-service/credentials", fmt.Sprintf(`{"username":"x","password":"x","password_previous":%q}`, former))
	putAWS(t, "hello-service/credentials", fmt.Sprintf(`{"username":%q,"password":%q}`, user, password))
	putAWS(t, "hello-service/migration-credentials", fmt.Sprintf(`{"password":%q}`, other))
	putAWS(t, "DB-", database)
	putParameters(t, ssm.Parameter{Name: "/hello-service/password", Value: plain, Type: "String"})
	putVault(t, "hello-service/credentials", map[string]any{"password": password, "api-key": apiKey})
	roles := map[string]string{"iam.amazonaws.com/permitted": "arn:aws:iam::123456789012:role/.*"}

	for name, tc := range map[string]struct {
		namespace           map[string]string // its annotations
		manifest            string
		secret              string
		data                map[string]string
		labels, annotations map[string]string // beside our own
	}{
		"KES README, Add a secret": {roles, `
apiVersion: 'kubernetes-client.io/v1'
kind: ExternalSecret
metadata:
  name: hello-service
spec:
  backendType: secretsManager
  # optional: specify role to assume when retrieving the data
  roleArn: arn:aws:iam::123456789012:role/test-role
  data:
    - key: hello-service/password
      name: password
  # optional: specify a template with any additional markup you would like added to the downstream Secret resource.
  # This template will be deep merged without mutating any existing fields. For example: you cannot override metadata.name.
  template:
    metadata:
      annotations:
        cat: cheese
      labels:
        dog: farfel
`, "hello-service", map[string]string{"password": plain}, map[string]string{"dog": "farfel"}, map[string]string{"cat": "cheese"}},
		"KES README, Add a secret: AWS Parameter Store": {nil, `
apiVersion: 'kubernetes-client.io/v1'
kind: ExternalSecret
metadata:
  name: hello-service
spec:
  backendType: systemManager
  data:
    - key: /hello-service/password
      name: password
`, "hello-service", map[string]string{"password": plain}, nil, nil},
		"KES README, AWS Secrets Manager: properties and a version stage": {nil, `
apiVersion: kubernetes-client.io/v1
kind: ExternalSecret
metadata:
  name: hello-service
spec:
  backendType: secretsManager
  # optional: specify role to assume when retrieving the data
  roleArn: arn:aws:iam::123456789012:role/test-role
  data:
    - key: hello-service/credentials
      name: password
      property: password
    - key: hello-service/credentials
      name: username
      property: username
    - key: hello-service/credentials
      name: password
      # Version Stage in Secrets Manager
      versionStage: AWSPREVIOUS
      property: password_previous
`, "hello-service", map[string]string{"username": user, "password": former}, nil, nil},
		"KES README, AWS Secrets Manager: dataFrom": {nil, `
apiVersion: kubernetes-client.io/v1
kind: ExternalSecret
metadata:
  name: hello-service
spec:
  backendType: secretsManager
  # optional: specify role to assume when retrieving the data
  roleArn: arn:aws:iam::123456789012:role/test-role
  dataFrom:
    - hello-service/credentials
`, "hello-service", map[string]string{"username": user, "password": password}, nil, nil},
		"KES README, AWS Secrets Manager: data and dataFrom": {nil, `
apiVersion: kubernetes-client.io/v1
kind: ExternalSecret
metadata:
  name: hello-service
spec:
  backendType: secretsManager
  # optional: specify role to assume when retrieving the data
  roleArn: arn:aws:iam::123456789012:role/test-role
  dataFrom:
    - hello-service/credentials
  data:
    - key: hello-service/migration-credentials
      name: password
      property: password
`, "hello-service", map[string]string{"username": user, "password": other}, nil, nil},
		"KES README, Hashicorp Vault": {nil, `
apiVersion: 'kubernetes-client.io/v1'
kind: ExternalSecret
metadata:
  name: hello-vault-service
spec:
  backendType: vault
  # Your authentication mount point, e.g. "kubernetes"
  vaultMountPoint: my-kubernetes-vault-mount-point
  # The vault role that will be used to fetch the secrets
  # This role will need to be bound to kubernetes-external-secret's ServiceAccount; see Vault's documentation:
  # https://www.vaultproject.io/docs/auth/kubernetes.html
  vaultRole: my-vault-role
  data:
  - name: password
    # The full path of the secret to read, as in ` + "`vault read secret/data/hello-service/credentials`" + `
    key: secret/data/hello-service/credentials
    property: password
  # Vault values are matched individually. If you have several keys in your Vault secret, you will need to add them all separately
  - name: api-key
    key: secret/data/hello-service/credentials
    property: api-key
`, "hello-vault-service", map[string]string{"password": password, "api-key": apiKey}, nil, nil},
		// Its namespace is left out: your_namespace is no name that Kubernetes accepts.
		"Kubernetes external secrets (post), External secrets object creation": {roles, `
apiVersion: 'kubernetes-client.io/v1'
kind: ExternalSecret
metadata:
  name: db-app-credentials
spec:
  backendType: secretsManager
  # optional: specify role to assume when retrieving the data
  roleArn: arn:aws:iam::123456789012:role/secrets-readonly-example
  data:
    - key: DB-
      name: user
    - key: DB-
      name: password
`, "db-app-credentials", map[string]string{"user": database, "password": database}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t, tc.namespace)
			kubectl.MustApply(t, namespace, tc.manifest)
			secret := awaitData(t, namespace, tc.secret, tc.data)
			delete(secret.Labels, names.LabelManaged)
			delete(secret.Annotations, names.AnnotationDataRevision)
			if len(secret.Annotations) == 0 {
				secret.Annotations = nil
			}
			if len(tc.labels) == 0 {
				tc.labels = map[string]string{}
			}
			if diff := cmp.Diff([]map[string]string{tc.labels, tc.annotations}, []map[string]string{secret.Labels, secret.Annotations}); diff != "" {
				t.Errorf("labels and annotations (-want +got):\n%s", diff)
			}
			if secret.Type != "Opaque" {
				t.Errorf("type %s", secret.Type)
			}
			if got := awaitReason(t, namespace, tc.secret, plan.ReasonSynced).Status.Status; got != "SUCCESS" {
				t.Errorf("status %q", got)
			}
		})
	}
}

// KES README, Enforcing naming conventions for backend keys.
func TestDocumentedNamingConvention(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, map[string]string{names.AnnotationPermittedKeyName: "/dev/cluster1/core-namespace/.*"}), secretValue()
	putAWS(t, "/dev/cluster1/core-namespace/hello-service/password", value)
	kubectl.MustApply(t, namespace, object("hello-service", `
  backendType: secretsManager
  data:
    - key: /dev/cluster1/core-namespace/hello-service/password
      name: password`))
	awaitData(t, namespace, "hello-service", map[string]string{"password": value})
}
