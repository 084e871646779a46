package controller

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
)

// Whoever looked into these namespaces would need a client, and there is none.
func TestNamespacesThatAreNotServedAreNotLookedInto(t *testing.T) {
	for _, tc := range []struct {
		name     string
		watched  []string
		servesIn func(string) bool
		served   bool
	}{
		{"all namespaces are watched", nil, nil, true},
		{"it is one of those that are watched", []string{"core", "other"}, nil, true},
		{"it is none of those that are watched", []string{"other"}, nil, false},
		{"the kind is served in some", nil, func(namespace string) bool { return namespace == "core" }, true},
		{"the kind is not served in it", []string{"core"}, func(namespace string) bool { return namespace != "core" }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &Reconciler{API: API{ServesIn: tc.servesIn}, Settings: Settings{Namespaces: tc.watched}}
			secret := types.NamespacedName{Namespace: "core", Name: "db"}
			if got := r.madeBy(t.Context(), secret); slices.Contains(got, secret) != tc.served {
				t.Errorf("a Secret was made by %v", got)
			}
			if tc.served {
				return
			}
			if got := r.objectsOf(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "core"}}); len(got) > 0 {
				t.Errorf("there are objects: %v", got)
			}
		})
	}
}

func TestOverwritten(t *testing.T) {
	of := func(uid types.UID, conditions ...metav1.Condition) *apiv1.ExternalSecret {
		return &apiv1.ExternalSecret{ObjectMeta: metav1.ObjectMeta{UID: uid}, Status: apiv1.ExternalSecretStatus{Status: "SUCCESS", Conditions: conditions}}
	}
	ready := metav1.Condition{Type: apiv1.ConditionReady}
	for _, tc := range []struct {
		name          string
		before, after *apiv1.ExternalSecret
		want          bool
	}{
		{"we take over", of("1"), of("1", ready), false},
		{"we write again", of("1", ready), of("1", ready), false},
		{"kubernetes-external-secrets writes again", of("1"), of("1"), false},
		{"it writes after us", of("1", ready), of("1"), true},
		{"the object was made anew", of("1", ready), of("2"), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := overwritten(tc.before, tc.after); got != tc.want {
				t.Errorf("overwritten: %t", got)
			}
		})
	}
}
