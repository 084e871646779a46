package controller

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
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
