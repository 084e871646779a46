package manifests

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/eso"
	"github.com/secretgate/secretgate/shared/dialect/sealed"
	"github.com/secretgate/secretgate/shared/dialect/vso"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/credential"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// What a dialect judges and no rule names would be stored unjudged.
func TestTheWebhookIsAskedAboutAllThatADialectJudges(t *testing.T) {
	for _, test := range []struct {
		dialect dialect.Dialect
		judged  int
	}{
		{eso.Dialect(), 3}, // ExternalSecrets and both kinds of stores
		{vso.Dialect(), 5}, // VaultStaticSecrets, and what they refer to
		{sealed.Dialect(), 1},
	} {
		t.Run(test.dialect.Name, func(t *testing.T) {
			judged := judgedBy(test.dialect.New())
			rules := rulesOf(t, "dialects/"+test.dialect.Name)
			for _, of := range judged {
				scope := admissionv1.NamespacedScope
				if of.ClusterWide {
					scope = admissionv1.ClusterScope
				}
				for _, version := range append([]string{of.Version}, of.Versions...) {
					if !slices.ContainsFunc(rules, func(r admissionv1.RuleWithOperations) bool {
						return slices.Contains(r.APIGroups, of.Group) && slices.Contains(r.APIVersions, version) && slices.Contains(r.Resources, of.Resource) &&
							*r.Scope == scope && slices.Contains(r.Operations, admissionv1.Create) && slices.Contains(r.Operations, admissionv1.Update)
					}) {
						t.Errorf("got no rule for %s of %s/%s, want one", of.Resource, of.Group, version)
					}
				}
			}
			if len(judged) != test.judged {
				t.Errorf("got %d kinds, want %d", len(judged), test.judged)
			}
		})
	}
}

func judgedBy(installation dialect.Installation) (judged []dialect.Type) {
	for _, kind := range installation.Kinds() {
		judged = append(judged, kind.Type())
	}
	for _, store := range installation.Stores() {
		if _, ok := store.(dialect.Judged); ok {
			judged = append(judged, store.Type())
		}
	}
	return judged
}

func rulesOf(t *testing.T, component string) (rules []admissionv1.RuleWithOperations) {
	t.Helper()
	for _, configuration := range rendered[admissionv1.ValidatingWebhookConfiguration](t, "self-signed", component) {
		for _, webhook := range configuration.Webhooks {
			rules = append(rules, webhook.Rules...)
		}
	}
	return rules
}

// The defaults of Vault Secrets Operator's objects, and sealing keys, are where the installation is, until its settings say otherwise.
func TestNamespacesOfSettingsAreTheInstallations(t *testing.T) {
	for component, setting := range map[string]string{"dialects/vso": "VSO_OPERATOR_NAMESPACE", "dialects/sealed": "SEALED_KEY_NAMESPACE"} {
		policies := slices.DeleteFunc(rendered[corev1.ConfigMap](t, "self-signed", component), func(m corev1.ConfigMap) bool { return m.Name != "policy" })
		if len(policies) != 1 {
			t.Fatalf("%s: got %d ConfigMaps policy, want one", component, len(policies))
		}
		if got := policies[0].Data[setting]; got != policies[0].Namespace || got == "" {
			t.Errorf("%s: got %s %q, want %q", component, setting, got, policies[0].Namespace)
		}
	}
}

// The syncer's rights on sealing keys are in the namespace that its setting names, also where that is not the installation's.
func TestTheRightsOnSealingKeysAreWhereTheSettingSays(t *testing.T) {
	for _, components := range [][]string{{"dialects/sealed"}, {"dialects/sealed", "dialects/sealed/kube-system"}} {
		var setting string
		for _, policy := range rendered[corev1.ConfigMap](t, "self-signed", components...) {
			if policy.Name == "policy" {
				setting = policy.Data["SEALED_KEY_NAMESPACE"]
			}
		}
		var found []string
		for _, binding := range rendered[rbacv1.RoleBinding](t, "self-signed", components...) {
			if binding.RoleRef.Name == "secretgate-syncer-sealing-keys" {
				found = append(found, binding.Namespace+" for "+binding.Subjects[0].Namespace)
			}
		}
		for _, role := range rendered[rbacv1.Role](t, "self-signed", components...) {
			if role.Name == "secretgate-syncer-sealing-keys" {
				found = append(found, role.Namespace)
			}
		}
		if diff := cmp.Diff([]string{setting + " for secretgate", setting}, found); diff != "" {
			t.Errorf("%v: namespaces of the RoleBinding and of the Role (-want +got):\n%s", components, diff)
		}
	}
}

// ruleInMessage is the rule that a condition prints, for the Role that is missing.
var ruleInMessage = regexp.MustCompile(`\{apiGroups: .*\}`)

// A user who copies a rule from a condition, and one who takes the component, have the same Role.
func TestTheRoleOfTokenRequestsIsThatOfTheSyncersMessages(t *testing.T) {
	const name = "secrets-reader"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refused := apierrors.NewForbidden(schema.GroupResource{Resource: "serviceaccounts"}, name, nil)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(refused.ErrStatus)
	}))
	t.Cleanup(server.Close)
	cluster, err := credential.New(&rest.Config{Host: server.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"}})
	if err != nil {
		t.Fatal(err)
	}
	var printed []rbacv1.PolicyRule
	for _, kind := range []plan.CredentialKind{plan.AccountCredential, plan.AnnotationCredential} {
		_, err := cluster.Get(t.Context(), plan.Credential{Kind: kind, Namespace: "default", Name: name, Key: "eks.amazonaws.com/role-arn"})
		refusal, ok := errors.AsType[*driver.Error](err)
		if !ok {
			t.Fatalf("%s: got %v, want a refusal", kind, err)
		}
		var rule rbacv1.PolicyRule
		if err := yaml.UnmarshalStrict([]byte(ruleInMessage.FindString(refusal.Hint)), &rule); err != nil {
			t.Fatalf("%s: got a rule that cannot be read: %v: %s", kind, err, refusal.Hint)
		}
		printed = append(printed, rule)
	}
	for _, role := range rendered[rbacv1.Role](t, "self-signed", "token-requests") {
		if role.Name != "secretgate-token-requests" {
			continue
		}
		if diff := cmp.Diff(printed, role.Rules); diff != "" {
			t.Errorf("rules (-printed by the syncer +of the component):\n%s", diff)
		}
		return
	}
	t.Error("got no Role, want that of the component")
}
