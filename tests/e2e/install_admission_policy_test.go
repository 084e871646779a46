package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/tests/attack"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// policed is what the component admission-policy promises to judge. Attacks that ask for more than that go on to the syncer.
const policed = "is not permitted in namespace"

// TestInstallAdmissionPolicy: with the webhook down, and configurations that let everything pass meanwhile, the API server
// itself denies whatever the two annotations of kubernetes-external-secrets forbid, and nothing that they permit.
func TestInstallAdmissionPolicy(t *testing.T) {
	s := newSite(t, lab.Options{})
	manifests := s.build(t, s.compose(t, overlayWith("local", "failure-policy-ignore", "admission-policy")))
	// Nothing listens on port 1.
	s.kubectl.MustApply(t, "", strings.ReplaceAll(manifests, "https://127.0.0.1:9443/", "https://127.0.0.1:1/"))
	p := &policedSite{site: s, namespaces: map[string]string{}}
	p.awaitPolicy(t)
	t.Run("what is attacked", func(t *testing.T) { p.attacks(t) })
	t.Run("golden cases", func(t *testing.T) { p.goldenCases(t) })
	t.Run("settings", func(t *testing.T) { p.settings(t) })
}

// Annotations of other names than the usual ones.
const otherKeys, otherRoles = "example.com/keys", "example.com/roles"

// policedSite tries objects in namespaces with annotations.
type policedSite struct {
	*site
	namespaces map[string]string // by annotations
}

// in is a namespace with these annotations.
func (p *policedSite) in(t *testing.T, annotations map[string]string) string {
	t.Helper()
	key := asJSON(t, annotations)
	if p.namespaces[key] == "" {
		name := fmt.Sprint("policed-", len(p.namespaces))
		p.kubectl.Stdin(asJSON(t, map[string]any{
			"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name, "annotations": annotations},
		})).Must(t, "create", "-f", "-")
		p.namespaces[key] = name
	}
	return p.namespaces[key]
}

// try asks for an object without storing it.
func (p *policedSite) try(t *testing.T, namespace string, object map[string]any) (status int, answer string) {
	t.Helper()
	path := externalSecret(namespace, "").Path() + "?dryRun=All"
	return answered(t, p.apiServer.Do(t.Context(), http.MethodPost, path, harness.JSON, []byte(asJSON(t, object)), nil))
}

// awaitPolicy waits until the API server knows the policy and its settings.
func (p *policedSite) awaitPolicy(t *testing.T) {
	t.Helper()
	namespace := p.in(t, map[string]string{names.AnnotationPermittedKeyName: "nothing"})
	harness.Eventually(t, func() error {
		status, answer := p.try(t, namespace, readsKey("prod/db", nil))
		if status != http.StatusForbidden || !strings.Contains(answer, "ValidatingAdmissionPolicy 'secretgate'") {
			return fmt.Errorf("the API server answers %d: %.300s", status, answer)
		}
		return nil
	})
}

func readsKey(key string, spec map[string]any) map[string]any {
	full := map[string]any{"backendType": "secretsManager", "data": []any{map[string]any{"key": key, "name": "x"}}}
	maps.Copy(full, spec)
	return map[string]any{
		"apiVersion": apiv1.GroupVersion.String(), "kind": apiv1.Kind, "metadata": map[string]any{"name": "db"}, "spec": full,
	}
}

// attacks: what the policy lets pass is listed, with the part of Secretgate that denies it.
func (p *policedSite) attacks(t *testing.T) {
	passed := map[string]string{}
	for _, a := range attack.All() {
		object, err := a.Manifest("db")
		if err != nil {
			t.Fatal(err)
		}
		if status, _ := p.try(t, p.in(t, a.Guard), object); status < 400 {
			passed[a.Name] = a.Denied
		}
	}
	if diff := cmp.Diff(beyondThePolicy(), passed); diff != "" {
		t.Errorf("these attacks pass the policy and are left to webhook and syncer (-listed +passed):\n%s", diff)
	}
}

// goldenCases: what the webhook allows, the policy allows; what it denies for one of the two annotations alone, too.
func (p *policedSite) goldenCases(t *testing.T) {
	allowed, denied := 0, 0
	for _, name := range goldenNames(t) {
		c := readCase(t, name)
		object := map[string]any{}
		if err := yaml.Unmarshal([]byte(c.object), &object); err != nil {
			t.Fatal(err)
		}
		status, answer := p.try(t, p.in(t, c.annotations), object)
		byTheTwo := slices.ContainsFunc(c.expected.Errors, func(text string) bool {
			return strings.Contains(text, policed) && (strings.Contains(text, "annotation "+names.AnnotationPermittedKeyName+" ") ||
				strings.Contains(text, "annotation "+names.AnnotationPermittedRole+" "))
		})
		switch {
		case c.expected.Verdict == "allowed":
			allowed++
			if status >= 400 {
				t.Errorf("%s: the policy denies it: %s", name, answer)
			}
		case byTheTwo:
			denied++
			if status < 400 {
				t.Errorf("%s: the policy allows it", name)
			}
		}
	}
	if allowed == 0 || denied == 0 {
		t.Errorf("%d cases that are allowed and %d that are denied were tried", allowed, denied)
	}
}

// settings: the policy takes them from the ConfigMap of both services.
func (p *policedSite) settings(t *testing.T) {
	role := map[string]any{"roleArn": "arn:aws:iam::123456789012:role/core"}
	vault := map[string]any{"backendType": "vault", "vaultMountPoint": "kubernetes"}
	for _, tc := range []struct {
		name     string
		settings map[string]string
		guard    map[string]string
		object   map[string]any
		denied   string // empty: allowed
	}{
		{"an annotation of another name", map[string]string{"NAMING_PERMITTED_ANNOTATION": otherKeys}, map[string]string{otherKeys: "dev/.*"}, readsKey("prod/db", nil), "annotation " + otherKeys},
		{"the usual name, which counts no more", map[string]string{"NAMING_PERMITTED_ANNOTATION": otherKeys}, map[string]string{names.AnnotationPermittedKeyName: "dev/.*"}, readsKey("prod/db", nil), ""},
		{"an annotation of another name for roles", map[string]string{"ROLE_PERMITTED_ANNOTATION": otherRoles}, map[string]string{otherRoles: "none"}, readsKey("x", role), "annotation " + otherRoles},
		{"a missing annotation", nil, nil, readsKey("prod/db", role), ""},
		{"a missing annotation where they are enforced", map[string]string{"ENFORCE_NAMESPACE_ANNOTATIONS": "false"}, nil, readsKey("prod/db", nil), "Missing required annotation externalsecrets"},
		{"a missing annotation for roles where they are enforced", map[string]string{"ENFORCE_NAMESPACE_ANNOTATIONS": ""}, map[string]string{names.AnnotationPermittedKeyName: ".*"}, readsKey("prod/db", role), "Missing required annotation iam.amazonaws.com/permitted"},
		{"a key that contains a match, by legacy matching", map[string]string{"POLICY_MATCHING": "legacy"}, map[string]string{names.AnnotationPermittedKeyName: "dev/core"}, readsKey("prod/dev/core/db", nil), ""},
		{"a key without a match, by legacy matching", map[string]string{"POLICY_MATCHING": "legacy"}, map[string]string{names.AnnotationPermittedKeyName: "dev/core"}, readsKey("prod/db", nil), "annotation externalsecrets"},
		{"an empty annotation, by legacy matching", map[string]string{"POLICY_MATCHING": "legacy"}, map[string]string{names.AnnotationPermittedKeyName: " \n"}, readsKey("prod/db", nil), ""},
		{"an empty annotation", nil, map[string]string{names.AnnotationPermittedKeyName: " \n"}, readsKey("prod/db", nil), "annotation externalsecrets"},
		{"a default role", map[string]string{"DEFAULT_VAULT_ROLE": "everything"}, map[string]string{names.AnnotationPermittedRole: "core"}, readsKey("x", vault), `"everything" is not permitted`},
		{"a role of a backend that has none", nil, map[string]string{names.AnnotationPermittedRole: "core"}, readsKey("x", map[string]any{"backendType": "gcpSecretsManager", "roleArn": "arn:x"}), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p.set(t, tc.settings)
			status, answer := p.try(t, p.in(t, tc.guard), tc.object)
			if tc.denied == "" && status >= 400 || tc.denied != "" && !strings.Contains(answer, tc.denied) {
				t.Errorf("the API server answers %d: %s", status, answer)
			}
		})
	}
}

// set replaces the settings, and waits until the API server has them: until others, set before, are not in force any more.
func (p *policedSite) set(t *testing.T, settings map[string]string) {
	t.Helper()
	const before = "example.com/before"
	namespace := p.in(t, map[string]string{
		before: "none", otherKeys: ".*", otherRoles: ".*", names.AnnotationPermittedKeyName: ".*", names.AnnotationPermittedRole: ".*",
	})
	for _, step := range []struct {
		data   map[string]string
		denied bool
	}{{map[string]string{"ROLE_PERMITTED_ANNOTATION": before}, true}, {settings, false}} {
		patch := []any{map[string]any{"op": "add", "path": "/data", "value": step.data}}
		p.kubectl.Must(t, "patch", "configmap/policy", "-n", lab.Namespace, "--type=json", "-p", asJSON(t, patch))
		harness.Eventually(t, func() error {
			status, answer := p.try(t, namespace, readsKey("x", map[string]any{"roleArn": "arn:x"}))
			if (status >= 400) != step.denied {
				return fmt.Errorf("the settings %v are not in force: the API server answers %d: %s", step.data, status, answer)
			}
			return nil
		})
	}
}
