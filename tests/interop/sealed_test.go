package interop

import (
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/dialect/sealed/v1alpha1"
	"github.com/secretgate/secretgate/shared/plan"
)

// TestArgoCDsOwnHealthOfSealedSecrets runs the script that Argo CD has for them itself over what the syncer writes. It needs no other one.
func TestArgoCDsOwnHealthOfSealedSecrets(t *testing.T) {
	script := argoCDsScript(t, "bitnami.com/SealedSecret")
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, test := range map[string]struct {
		record plan.Record
		want   string
	}{
		"it is new":       {plan.Record{}, "Progressing"},
		"it is synced":    {plan.Record{Generation: 2, Ready: metav1.ConditionTrue, Reason: plan.ReasonSynced, LastSuccess: now}, "Healthy"},
		"it is denied":    {plan.Record{Generation: 2, Ready: metav1.ConditionFalse, Reason: plan.ReasonPolicyDenied, Message: "why"}, "Degraded"},
		"no key opens it": {plan.Record{Generation: 2, Ready: metav1.ConditionFalse, Reason: plan.ReasonCannotOpen, Message: "why"}, "Degraded"},
	} {
		t.Run(name, func(t *testing.T) {
			test.record.Since, test.record.LastSync = now, now
			object := v1alpha1.SealedSecret{ObjectMeta: metav1.ObjectMeta{Generation: 2}}
			if test.record.Ready != "" {
				object.Status.Put(test.record)
			}
			text, err := yaml.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			got, message, err := health(t, script, observed{object: string(text)}, lua.Options{})
			if err != nil || got != test.want || test.want == "Degraded" && message != "why" {
				t.Errorf("got %s, %q and %v, want %s", got, message, err, test.want)
			}
		})
	}
}
