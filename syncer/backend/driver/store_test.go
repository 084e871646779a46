package driver_test

import (
	"errors"
	"reflect"
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
		"a name of the server":          {store: plan.Store{ServerName: "a"}, want: "a server name"},
		"a namespace":                   {store: plan.Store{Namespace: "n"}, want: "a namespace"},
		"a method":                      {store: plan.Store{Method: "m"}, want: "a login method"},
		"a Secret":                      {store: plan.Store{Credential: plan.Credential{Kind: plan.SecretCredential}}, want: "a credential"},
		"a ServiceAccount":              {store: plan.Store{Credential: plan.Credential{Kind: plan.AccountCredential}}, want: "a credential"},
		"an installed credential":       {store: plan.Store{Credential: installed}, want: "a credential"},
		"one that the driver knows":     {store: plan.Store{Credential: installed}, known: []plan.CredentialKind{plan.InstalledCredential}},
		"another than the driver knows": {store: plan.Store{Credential: installed}, known: []plan.CredentialKind{plan.SecretCredential}, want: "a credential"},
		"a tenant":                      {store: plan.Store{Tenant: plan.Tenant{Namespace: "n"}}, want: "a tenant"},
		"a CA of the cluster's":         {store: plan.Store{Login: plan.Login{CAFrom: installed}}, want: "a CA"},
		"a namespace to log in to":      {store: plan.Store{Login: plan.Login{Namespace: "n"}}, want: "a namespace to log in to"},
		"a login at the root":           {store: plan.Store{Login: plan.Login{Root: true}}, want: "a login at the root"},
		"a directory":                   {store: plan.Store{Login: plan.Login{Directory: "d"}}, want: "a directory"},
		"where the role stands":         {store: plan.Store{Login: plan.Login{RoleFrom: installed}}, want: "an annotation with a role"},
		"the ServiceAccount's own role": {store: plan.Store{Login: plan.Login{Account: "r"}}, want: "a role of its ServiceAccount"},
		"an identifier":                 {store: plan.Store{Login: plan.Login{Identifier: installed}}, want: "an identifier"},
		"a session token":               {store: plan.Store{Login: plan.Login{Session: installed}}, want: "a session token"},
		"roles on the way":              {store: plan.Store{Login: plan.Login{Chain: "r"}}, want: "a chain of roles"},
		"an external id":                {store: plan.Store{Login: plan.Login{ExternalID: "e"}}, want: "an external id"},
		"tags":                          {store: plan.Store{Login: plan.Login{Tags: "a=b", Transitive: "a"}}, want: "session tags and transitive tags"},
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

// A part that is added to Login must not be ignored by the drivers that do not know it.
func TestEachPartOfALoginIsRefused(t *testing.T) {
	login := reflect.ValueOf(&plan.Login{}).Elem()
	for i := range login.NumField() {
		name := login.Type().Field(i).Name
		t.Run(name, func(t *testing.T) {
			given := plan.Login{}
			part := reflect.ValueOf(&given).Elem().Field(i)
			switch part.Kind() {
			case reflect.String:
				part.SetString("x")
			case reflect.Bool:
				part.SetBool(true)
			default:
				part.Set(reflect.ValueOf(plan.Credential{Kind: plan.SecretCredential}))
			}
			if err := driver.CheckStore(plan.Store{Login: given}); err == nil {
				t.Error("it is ignored, want it refused")
			}
		})
	}
}
