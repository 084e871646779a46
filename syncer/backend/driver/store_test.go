package driver_test

import (
	"errors"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

func TestAStoreThatADriverCannotHonourIsRefused(t *testing.T) {
	installed := plan.Credential{Kind: plan.InstalledCredential, Name: "n"}
	for name, test := range map[string]struct {
		store plan.Store
		known []plan.CredentialKind
		want  string // the problem; empty: none
	}{
		"one of what all drivers know":  {store: plan.Store{Backend: "b", Location: "l", Container: "c", Mount: "m", Role: "r"}},
		"an address":                    {store: plan.Store{Address: "https://a"}, want: "an address"},
		"a CA":                          {store: plan.Store{CA: "pem"}, want: "a CA"},
		"a namespace":                   {store: plan.Store{Namespace: "n"}, want: "a namespace"},
		"a method":                      {store: plan.Store{Method: "m"}, want: "a login method"},
		"a Secret":                      {store: plan.Store{Credential: plan.Credential{Kind: plan.SecretCredential}}, want: "a credential"},
		"a ServiceAccount":              {store: plan.Store{Credential: plan.Credential{Kind: plan.AccountCredential}}, want: "a credential"},
		"an installed credential":       {store: plan.Store{Credential: installed}, want: "a credential"},
		"one that the driver knows":     {store: plan.Store{Credential: installed}, known: []plan.CredentialKind{plan.InstalledCredential}},
		"another than the driver knows": {store: plan.Store{Credential: installed}, known: []plan.CredentialKind{plan.SecretCredential}, want: "a credential"},
		"a tenant":                      {store: plan.Store{Tenant: plan.Tenant{Namespace: "n"}}, want: "a tenant"},
		"several":                       {store: plan.Store{Address: "https://a", Namespace: "n"}, want: "an address and a namespace"},
	} {
		t.Run(name, func(t *testing.T) {
			err := driver.CheckStore(test.store, test.known...)
			if test.want == "" {
				if err != nil {
					t.Errorf("got %v, want no error", err)
				}
				return
			}
			want := "the store has " + test.want + " of its own, with which the syncer cannot read this backend"
			if failed, ok := errors.AsType[*driver.Error](err); !ok || failed.Kind != driver.Invalid || failed.Problem != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}
