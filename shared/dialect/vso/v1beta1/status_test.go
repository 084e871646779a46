package v1beta1_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/plan"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// theirs is a status as Vault Secrets Operator writes it.
func theirs(mac string) v1beta1.VaultStaticSecretStatus {
	return v1beta1.VaultStaticSecretStatus{LastGeneration: 1, SecretMAC: mac, Conditions: []metav1.Condition{
		{Type: "Ready", Status: metav1.ConditionTrue, Reason: "Whatever", Message: "theirs", LastTransitionTime: metav1.NewTime(at)},
		{Type: "RolloutRestart", Status: metav1.ConditionTrue, Reason: "Whatever", Message: "theirs", LastTransitionTime: metav1.NewTime(at)},
	}}
}

func TestWhatVaultSecretsOperatorWroteSaysNothing(t *testing.T) {
	for name, status := range map[string]v1beta1.VaultStaticSecretStatus{
		"with a digest": theirs("AAAA"), "without": theirs(""), "of an older one, without conditions": {LastGeneration: 1, SecretMAC: "AAAA"},
	} {
		if diff := cmp.Diff(plan.Record{}, status.Record()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
	status := theirs("AAAA")
	status.Put(plan.Record{Generation: 2, Ready: metav1.ConditionTrue, Reason: plan.ReasonSynced, Since: at, LastSync: at})
	if status.SecretMAC != "" || status.LastGeneration != 2 || len(status.Conditions) != 5 {
		t.Errorf("got %+v, want no digest, and their condition beside ours", status)
	}
	status.SecretMAC = "BBBB" // it goes on beside us
	if diff := cmp.Diff(plan.Record{}, status.Record()); diff != "" {
		t.Errorf("once it wrote a digest again: -want +got:\n%s", diff)
	}
}

func TestConditions(t *testing.T) {
	for name, test := range map[string]struct {
		record plan.Record
		want   map[string]string
	}{
		"in sync": {
			plan.Record{Ready: metav1.ConditionTrue, Reason: plan.ReasonSynced},
			map[string]string{
				"SecretSynced": "True SecretSynced: Secret synced", "Healthy": "True SecretSynced: Secret synced",
				"Ready": "True SecretSynced: Secret synced", "ResourceValidation": "True Valid: The spec is valid and permitted",
			},
		},
		"Vault does not answer": {
			plan.Record{Ready: metav1.ConditionFalse, Reason: plan.ReasonUnavailable, Message: "it is sealed"},
			map[string]string{
				"SecretSynced": "False BackendUnavailable: it is sealed", "Healthy": "False BackendUnavailable: it is sealed",
				"Ready": "False BackendUnavailable: it is sealed", "ResourceValidation": "True Valid: The spec is valid and permitted",
			},
		},
		"the policy denies it": {
			plan.Record{Ready: metav1.ConditionFalse, Reason: plan.ReasonPolicyDenied, Message: "m"},
			map[string]string{
				"SecretSynced": "False PolicyDenied: m", "Healthy": "False PolicyDenied: m", "Ready": "False PolicyDenied: m",
				"ResourceValidation": "False PolicyDenied: m",
			},
		},
		"its VaultAuth is not there": {
			plan.Record{Ready: metav1.ConditionFalse, Reason: plan.ReasonStoreNotFound, Message: "m"},
			map[string]string{
				"SecretSynced": "False StoreNotFound: m", "Healthy": "False StoreNotFound: m", "Ready": "False StoreNotFound: m",
				"ResourceValidation": "Unknown StoreNotFound: m",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.record.Since, test.record.LastSync = at, at.Add(time.Minute)
			var status v1beta1.VaultStaticSecretStatus
			status.Put(test.record)
			got := map[string]string{}
			for _, c := range status.Conditions {
				got[c.Type] = string(c.Status) + " " + c.Reason + ": " + c.Message
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// The time of ResourceValidation moves with its own status, not with Ready.
func TestTheSpecKeepsItsTime(t *testing.T) {
	var status v1beta1.VaultStaticSecretStatus
	for minute, reason := range []plan.Reason{plan.ReasonInvalidSpec, plan.ReasonUnavailable, plan.ReasonSynced} {
		now := at.Add(time.Duration(minute) * time.Minute)
		status.Put(plan.Record{Ready: metav1.ConditionFalse, Reason: reason, Since: at, LastSync: now})
	}
	if got, want := status.Conditions[3].LastTransitionTime.Time, at.Add(time.Minute); !got.Equal(want) {
		t.Errorf("got %s, want %s, when the spec was found to be right", got, want)
	}
}
