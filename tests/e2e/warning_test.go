package e2e

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/tests/harness"
)

// policyThatQuotes warns of each Secret in a namespace, and quotes what is in it.
const policyThatQuotes = `
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicy, metadata: {name: NS}, spec: {
  matchConstraints: {
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NS}},
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [secrets]}]},
  validations: [{expression: "!has(object.data)", messageExpression: "'quoted: ' + string(object.data['password'])"}]}}
---
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding, metadata: {name: NS},
  spec: {policyName: NS, validationActions: [Warn]}}
`

// TestWarningsThatQuoteValues: a policy's warning holds the value, and the API server's the type of a PEM block. The syncer logs neither.
func TestWarningsThatQuoteValues(t *testing.T) {
	t.Parallel()
	namespace, first, rotated := newNamespace(t, nil), secretValue(), secretValue()
	kubectl.MustApply(t, namespace, in(namespace, policyThatQuotes))
	t.Cleanup(func() {
		_, _ = kubectl.Run(context.Background(), "delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", namespace)
	})
	probe := "{apiVersion: v1, kind: Secret, metadata: {name: probe}, stringData: {password: probe}}"
	harness.Eventually(t, func() error {
		said, err := kubectl.Stdin(probe).Show(t.Context(), "create", "-n", namespace, "--dry-run=server", "-f", "-")
		if err == nil && !strings.Contains(said, "quoted: ") {
			err = errors.New("the policy does not warn yet")
		}
		return err
	})
	putAWS(t, namespace+"/db", `{"password":"`+first+`"}`)
	kubectl.MustApply(t, namespace, object("db", in(namespace, "{backendType: secretsManager, dataFrom: [NS/db]}")))
	awaitData(t, namespace, "db", map[string]string{"password": first})
	putAWS(t, namespace+"/db", `{"password":"`+rotated+`"}`)
	awaitData(t, namespace, "db", map[string]string{"password": rotated})
	if found := leaks(); len(found) > 0 {
		t.Errorf("planted values are in %v", found)
	}
}
