package v1alpha1_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/dialect/sealed/v1alpha1"
	"github.com/secretgate/secretgate/shared/plan"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Whatever stands where a text should be must neither be lost nor keep the object, and with it all others, from being read.
func TestWhatIsNoTextIsKept(t *testing.T) {
	for name, spec := range map[string]string{
		"values":             `{"encryptedData":{"a":"AgA=","b":7,"c":null,"d":{"e":[true]}}}`,
		"texts of templates": `{"encryptedData":{},"template":{"data":{"a":"{{ .b }}","b":null,"c":7}}}`,
		"metadata":           `{"encryptedData":{},"template":{"metadata":{"annotations":{"a":["b"]},"finalizers":["f"],"labels":{"a":7,"b":"c"},"name":"x"}}}`,
		"labels of no form":  `{"encryptedData":{},"template":{"metadata":{"annotations":7,"labels":["a"]}}}`,
		"null":               `{"encryptedData":null,"template":{"metadata":{"creationTimestamp":null}}}`,
		"a whole Secret":     `{"encryptedData":null,"data":7}`,
	} {
		t.Run(name, func(t *testing.T) {
			var read v1alpha1.SealedSecretSpec
			if err := json.Unmarshal([]byte(spec), &read); err != nil {
				t.Fatal(err)
			}
			written, err := json.Marshal(read.DeepCopy())
			if err != nil {
				t.Fatal(err)
			}
			var want, got any
			if json.Unmarshal([]byte(spec), &want) != nil || json.Unmarshal(written, &got) != nil {
				t.Fatalf("got no JSON: %s", written)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestWhatSealedSecretsWroteSaysNothing(t *testing.T) {
	status := v1alpha1.SealedSecretStatus{ObservedGeneration: 1, Conditions: []v1alpha1.Condition{{
		Type: "Synced", Status: metav1.ConditionTrue, LastTransitionTime: metav1.NewTime(at), LastUpdateTime: metav1.NewTime(at),
	}}}
	if diff := cmp.Diff(plan.Record{}, status.Record()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The columns of kubectl show the first condition, and the original's own tests that both times are equal at first.
func TestTheConditionComesFirst(t *testing.T) {
	others := v1alpha1.Condition{Type: "Audited", Status: metav1.ConditionTrue}
	status := v1alpha1.SealedSecretStatus{Conditions: []v1alpha1.Condition{others}}
	record := plan.Record{Generation: 2, Ready: metav1.ConditionFalse, Reason: plan.ReasonCannotOpen, Message: "no key", Since: at, LastSync: at}
	status.Put(record)
	record.LastSync, record.Message = at.Add(time.Minute), "still no key"
	want := v1alpha1.Condition{
		Type: "Synced", Status: metav1.ConditionFalse, Reason: "CannotOpen", Message: "no key",
		LastTransitionTime: metav1.NewTime(at), LastUpdateTime: metav1.NewTime(at),
	}
	if diff := cmp.Diff([]v1alpha1.Condition{want, others}, status.Conditions); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	status.Put(record)
	want.Message, want.LastUpdateTime = "still no key", metav1.NewTime(at.Add(time.Minute))
	if diff := cmp.Diff([]v1alpha1.Condition{want, others}, status.Conditions); diff != "" {
		t.Errorf("after another attempt: -want +got:\n%s", diff)
	}
}

// The original's CRD keeps no field of ours: what is left must say when the object was last tried, or each start would try it.
func TestWhatTheOriginalsCRDKeepsIsEnoughToKnowAnAttempt(t *testing.T) {
	var status v1alpha1.SealedSecretStatus
	status.Put(plan.Record{Generation: 2, Ready: metav1.ConditionTrue, Reason: plan.ReasonSynced, Since: at, LastSync: at, Secret: "db"})
	status.Sync = nil
	want := plan.Record{Generation: 2, Ready: metav1.ConditionTrue, Reason: plan.ReasonSynced, Since: at, LastSync: at}
	if diff := cmp.Diff(want, status.Record()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
