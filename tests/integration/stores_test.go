package integration

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/credential"
	"github.com/secretgate/secretgate/tests/lab"
)

// storesCluster is the lab's cluster with a namespace of a team that writes stores. Clouds verify the tokens of its ServiceAccounts.
type storesCluster struct {
	*lab.Lab
	namespace   string
	credentials credential.Source
	issuer      string
	keys        jose.JSONWebKeySet
}

// newStoresCluster adds the namespace, which no other test uses. The syncer gets no right there.
func newStoresCluster(t *testing.T, namespace string) *storesCluster {
	t.Helper()
	c := &storesCluster{Lab: sharedLab(t), namespace: namespace}
	c.apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: "+namespace+"}\n")
	config, err := clientcmd.BuildConfigFromFlags("", c.SyncerKubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1 // as the syncer has it
	source, err := credential.New(config)
	if err != nil {
		t.Fatal(err)
	}
	c.credentials = source.Get
	var published struct{ Issuer string }
	for path, into := range map[string]any{"/.well-known/openid-configuration": &published, "/openid/v1/jwks": &c.keys} {
		text, said, err := c.Kubectl(t.Context(), nil, "get", "--raw="+path)
		if err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	c.issuer = published.Issuer
	return c
}

func (c *storesCluster) apply(t *testing.T, manifests string) {
	t.Helper()
	if _, said, err := c.Kubectl(t.Context(), strings.NewReader(manifests), "apply", "--filename=-"); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
}

// secret writes a Secret whose values may end with a new line, as those that people write do.
func (c *storesCluster) secret(t *testing.T, name string, values map[string]string) {
	t.Helper()
	object := map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]string{"name": name, "namespace": c.namespace}, "stringData": values,
	}
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	c.apply(t, string(text))
}

// account writes a ServiceAccount, with an annotation, and the Role that lets the syncer have its tokens and read the annotation.
func (c *storesCluster) account(t *testing.T, name, annotation, value string) {
	t.Helper()
	c.annotate(t, name, annotation, value)
	c.apply(t, strings.NewReplacer("NAMESPACE", c.namespace, "NAME", name).Replace(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: token-requests-NAME, namespace: NAMESPACE}
rules:
  - {apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [NAME], verbs: [create]}
  - {apiGroups: [""], resources: [serviceaccounts], resourceNames: [NAME], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: token-requests-NAME, namespace: NAMESPACE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: token-requests-NAME}
subjects:
  - {kind: ServiceAccount, name: syncer, namespace: secretgate}
`))
}

// annotate writes a ServiceAccount of which the syncer may have nothing.
func (c *storesCluster) annotate(t *testing.T, name, annotation, value string) {
	t.Helper()
	object := map[string]any{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{
		"name": name, "namespace": c.namespace, "annotations": map[string]string{annotation: value},
	}}
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	c.apply(t, string(text))
}

// inSecret refers to a Secret's key, and tokenOf to a ServiceAccount.
func (c *storesCluster) inSecret(name, key string) plan.Credential {
	return plan.Credential{Kind: plan.SecretCredential, Namespace: c.namespace, Name: name, Key: key}
}

func (c *storesCluster) tokenOf(name string, audiences ...string) plan.Credential {
	return plan.Credential{Kind: plan.AccountCredential, Namespace: c.namespace, Name: name, Audiences: plan.ListOf(audiences...)}
}

func (c *storesCluster) annotationOf(name, key string) plan.Credential {
	return plan.Credential{Kind: plan.AnnotationCredential, Namespace: c.namespace, Name: name, Key: key}
}

func (c *storesCluster) subject(name string) string {
	return "system:serviceaccount:" + c.namespace + ":" + name
}

// saidOf reads a source, and returns its value or what its error says.
func saidOf(t *testing.T, client *backend.Client, source plan.Source) string {
	t.Helper()
	values, err := client.Get(t.Context(), source)
	if failed, ok := errors.AsType[*backend.Error](err); ok {
		return failed.Kind.String() + ": " + failed.Message + "; " + failed.Remedy()
	}
	if len(values) != 1 {
		t.Fatalf("got %d values and error %v, want one value", len(values), err)
	}
	return string(values[0].Data)
}
