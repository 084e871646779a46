package eso

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/eso"
	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/syncer/internal/controller"
)

// reporter is a StoreReconciler beside an API server that counts its writes.
func reporter(t *testing.T, kind int, objects ...client.Object) (r *controller.StoreReconciler, writes *int) {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, v1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	writes = new(int)
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(&v1.SecretStore{}, &v1.ClusterSecretStore{}).
		WithInterceptorFuncs(interceptor.Funcs{
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, options ...client.SubResourcePatchOption) error {
				*writes++
				return c.SubResource(sub).Patch(ctx, o, p, options...)
			},
		}).Build()
	installation := &eso.Installation{Class: "secretgate"}
	reporting, ok := installation.Stores()[kind].(dialect.Reporting)
	if !ok {
		t.Fatalf("got no Reporting kind, but %T", installation.Stores()[kind])
	}
	return &controller.StoreReconciler{
		Kind: reporting, Stores: installation.Stores(), Client: c, Live: c,
		Policy: policy.Settings{VaultServers: []string{"https://vault.example.com"}},
		Now:    func() time.Time { return time.Unix(1_000_000, 0) },
	}, writes
}

// storeOf is a spec of Vault.
func storeOf(class, server string) v1.StoreSpec {
	return v1.StoreSpec{Controller: class, Provider: v1.Provider{Vault: &v1.VaultProvider{
		Server: server, Path: new("secret"),
		Auth: &v1.VaultAuth{Kubernetes: &v1.VaultKubernetes{Role: "reader", ServiceAccountRef: &v1.ServiceAccountSelector{Name: "app"}}},
	}}}
}

func TestAStoreSaysWhetherItCanBeUsed(t *testing.T) {
	const ours = "https://vault.example.com"
	for name, test := range map[string]struct {
		class, server string
		annotations   map[string]string // of the namespace
		owned         bool              // by this replica
		ready         metav1.ConditionStatus
		reason        string
		message       string // contained
	}{
		"one that is right":               {"secretgate", ours, nil, true, metav1.ConditionTrue, v1.ReasonValid, "store validated"},
		"one of a server that is unknown": {"secretgate", "https://evil.example.com", nil, true, metav1.ConditionFalse, v1.ReasonInvalid, "VAULT_SERVERS"},
		"one without a server":            {"secretgate", "", nil, true, metav1.ConditionFalse, v1.ReasonInvalid, "spec.provider.vault.server: Required value"},
		"one whose role its namespace denies": {"secretgate", ours, map[string]string{names.AnnotationPermittedRole: "^other$"}, true,
			metav1.ConditionFalse, v1.ReasonInvalid, "reader"},
		"one of External Secrets Operator's": {"", ours, nil, true, "", "", ""},
		"one of another replica":             {"secretgate", ours, nil, false, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team", Annotations: test.annotations}}
			store := &v1.SecretStore{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "vault"}, Spec: storeOf(test.class, test.server)}
			r, writes := reporter(t, 0, namespace, store)
			r.Owns = func(types.UID) bool { return test.owned }
			request := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(store)}
			for range 2 {
				if _, err := r.Reconcile(t.Context(), request); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.Client.Get(t.Context(), request.NamespacedName, store); err != nil {
				t.Fatal(err)
			}
			if test.ready == "" {
				if len(store.Status.Conditions) > 0 || *writes > 0 {
					t.Errorf("got %+v and %d writes, want none", store.Status, *writes)
				}
				return
			}
			if *writes != 1 || len(store.Status.Conditions) != 1 {
				t.Fatalf("got %d writes and %+v, want one write of one condition", *writes, store.Status)
			}
			got := store.Status.Conditions[0]
			if got.Status != test.ready || got.Reason != test.reason || !strings.Contains(got.Message, test.message) {
				t.Errorf("got %+v, want %s, %s, with %q", got, test.ready, test.reason, test.message)
			}
		})
	}
}

func TestAStoreOfTheClusterIsJudgedByItsFormAlone(t *testing.T) {
	store := &v1.ClusterSecretStore{ObjectMeta: metav1.ObjectMeta{Name: "shared"}, Spec: storeOf("secretgate", "https://vault.example.com")}
	store.Spec.Provider.Vault.Auth.Kubernetes.ServiceAccountRef.Namespace = "vault"
	r, _ := reporter(t, 1, store)
	request := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(store)}
	for _, change := range []struct {
		role   string
		ready  metav1.ConditionStatus
		reason string
	}{{"reader", metav1.ConditionTrue, v1.ReasonValid}, {"", metav1.ConditionFalse, v1.ReasonInvalid}, {"reader", metav1.ConditionTrue, v1.ReasonValid}} {
		store.Spec.Provider.Vault.Auth.Kubernetes.Role = change.role
		if err := r.Client.Update(t.Context(), store); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Reconcile(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		if err := r.Client.Get(t.Context(), request.NamespacedName, store); err != nil {
			t.Fatal(err)
		}
		if got := store.Status.Conditions; len(got) != 1 || got[0].Status != change.ready || got[0].Reason != change.reason {
			t.Errorf("role %q: got %+v, want %s and %s", change.role, got, change.ready, change.reason)
		}
	}
}
