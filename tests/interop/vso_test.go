package interop

import (
	"fmt"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/plan"
)

// TestHealthOfVaultStaticSecretsForArgoCD runs our script on what the syncer writes. That of Argo CD itself calls an object without a digest
// of its values Degraded (resource_customizations/secrets.hashicorp.com), and the syncer writes none.
func TestHealthOfVaultStaticSecretsForArgoCD(t *testing.T) {
	script := read(t, "argocd-health.lua")
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, test := range map[string]struct {
		record plan.Record
		want   string
	}{
		"it is new":    {plan.Record{}, "Progressing"},
		"it is synced": {plan.Record{Generation: 2, Ready: metav1.ConditionTrue, Reason: plan.ReasonSynced, LastSuccess: now}, "Healthy"},
		"it was edited": {
			plan.Record{Generation: 1, Ready: metav1.ConditionTrue, Reason: plan.ReasonSynced, LastSuccess: now}, "Progressing",
		},
		"it is denied":             {plan.Record{Generation: 2, Ready: metav1.ConditionFalse, Reason: plan.ReasonPolicyDenied}, "Degraded"},
		"Vault was never reached":  {plan.Record{Generation: 2, Ready: metav1.ConditionFalse, Reason: plan.ReasonUnavailable}, "Progressing"},
		"Vault is not reached now": {plan.Record{Generation: 2, Ready: metav1.ConditionFalse, Reason: plan.ReasonUnavailable, LastSuccess: now}, "Degraded"},
	} {
		t.Run(name, func(t *testing.T) {
			test.record.Since = now
			object := v1beta1.VaultStaticSecret{ObjectMeta: metav1.ObjectMeta{Generation: 2}}
			if test.record.Ready != "" {
				object.Status.Put(test.record)
			}
			text, err := yaml.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			got, message, err := health(t, script, observed{object: string(text)}, lua.Options{SkipOpenLibs: true})
			if err != nil || got != test.want || message == "" {
				t.Errorf("got %s, %q and %v, want %s", got, message, err, test.want)
			}
		})
	}
	for mac, want := range map[string]string{"AAAA": "Healthy", "": "Progressing"} {
		theirs := fmt.Sprintf("{metadata: {generation: 2}, status: {lastGeneration: 2%s}}", map[string]string{"AAAA": ", secretMAC: AAAA", "": ""}[mac])
		if got, _, err := health(t, script, observed{object: theirs}, lua.Options{SkipOpenLibs: true}); err != nil || got != want {
			t.Errorf("%s: got %s and %v, want %s", theirs, got, err, want)
		}
	}
}
