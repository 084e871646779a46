package eso_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/eso"
	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
)

// withStores is an object that reads through two stores, of the controllers that are given.
func withStores(first, second string) (*v1.ExternalSecret, dialect.Resolved) {
	es := &v1.ExternalSecret{}
	es.Namespace, es.Name = "core", "db"
	es.Spec.SecretStoreRef = v1.StoreRef{Name: "a", Kind: v1.ClusterStoreKind}
	es.Spec.Data = []v1.Data{
		{SecretKey: "a", RemoteRef: v1.RemoteRef{Key: "a"}},
		{SecretKey: "b", RemoteRef: v1.RemoteRef{Key: "b"}, SourceRef: &v1.SourceRef{StoreRef: &v1.StoreRef{Name: "b", Kind: v1.ClusterStoreKind}}},
	}
	resolved := dialect.Resolved{}
	for name, controller := range map[string]string{"a": first, "b": second} {
		if controller == "missing" {
			continue
		}
		store := &v1.ClusterSecretStore{}
		store.Name, store.Spec.Controller = name, controller
		store.Spec.Provider.GCPSM = &v1.GCPSMProvider{ProjectID: "p"}
		resolved[ref(v1.ClusterStoreKind, "", name)] = store
	}
	return es, resolved
}

func TestWhoServesAnObject(t *testing.T) {
	for name, test := range map[string]struct {
		first, second string
		serveDefault  bool
		want          bool
		mixed         bool
	}{
		"both stores are ours":                               {"secretgate", "secretgate", false, true, false},
		"both are of External Secrets Operator":              {"", "default", false, false, false},
		"both are of External Secrets Operator, which is us": {"", "default", true, true, false},
		"one is ours":                              {"secretgate", "", false, false, true},
		"one is of a third controller":             {"secretgate", "other", true, false, true},
		"one is missing, and may be another's":     {"secretgate", "missing", false, false, false},
		"one is missing, and would be ours":        {"secretgate", "missing", true, true, false},
		"both are missing, and would be ours":      {"missing", "missing", true, true, false},
		"both are missing, and may be another's":   {"missing", "missing", false, false, false},
		"both are of the installation's own class": {"secretgate", "secretgate", true, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			installation := &eso.Installation{Class: "secretgate", ServeDefault: test.serveDefault}
			es, resolved := withStores(test.first, test.second)
			if got := installation.Serves(es, resolved); got != test.want {
				t.Errorf("served: got %t, want %t", got, test.want)
			}
			_, errs := installation.Plan(es, resolved)
			wrong, _ := dialect.Split(errs)
			var want []string
			if test.mixed {
				want = []string{"spec.data[1].sourceRef.storeRef: Forbidden: is of another controller than ClusterSecretStore a, so that none syncs " +
					"the object: use stores with the same spec.controller, or make two objects of it"}
			}
			var got []string
			for _, err := range wrong {
				got = append(got, err.Error())
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}
