package alicloudkms

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

const aProvider = "acs:ram::1:oidc-provider/c"

var (
	key     = plan.Credential{Kind: plan.SecretCredential, Namespace: "core", Name: "key", Key: "secret"}
	keyName = plan.Credential{Kind: plan.SecretCredential, Namespace: "core", Name: "key", Key: "id"}
	account = plan.Credential{Kind: plan.AccountCredential, Namespace: "core", Name: "reader"}
)

func TestStoresThatNoLoginCanBeMadeOf(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("it is asked for %s", r.URL.Query().Get("Action"))
	}))
	t.Cleanup(server.Close)
	has := func(what string) string {
		return "the store has " + what + " of its own, with which the syncer cannot read this backend"
	}
	for name, test := range map[string]struct {
		store plan.Store
		want  string
	}{
		"an access key without its id":           {plan.Store{Credential: key}, errHalfKey.Problem},
		"an id that is in no Secret":             {plan.Store{Credential: key, Login: plan.Login{Identifier: account}}, errHalfKey.Problem},
		"a ServiceAccount without a role":        {plan.Store{Credential: account, Mount: aProvider}, errHalfAccount.Problem},
		"one without a provider":                 {plan.Store{Credential: account, Role: "r"}, errHalfAccount.Problem},
		"a provider for the syncer itself":       {plan.Store{Mount: aProvider}, errProvider.Problem},
		"a provider beside an access key":        {plan.Store{Credential: key, Mount: aProvider, Login: plan.Login{Identifier: keyName}}, errProvider.Problem},
		"an id for the syncer itself":            {plan.Store{Login: plan.Login{Identifier: keyName}}, has("an identifier")},
		"an id of a ServiceAccount":              {plan.Store{Credential: account, Role: "r", Mount: aProvider, Login: plan.Login{Identifier: keyName}}, has("an identifier")},
		"roles on the way":                       {plan.Store{Role: "r", Login: plan.Login{Chain: "a"}}, has("a chain of roles")},
		"a session token":                        {plan.Store{Credential: key, Login: plan.Login{Identifier: keyName, Session: key}}, has("a session token")},
		"an external id":                         {plan.Store{Role: "r", Login: plan.Login{ExternalID: "e"}}, has("an external id")},
		"a tenant":                               {plan.Store{Tenant: plan.Tenant{Namespace: "core"}}, has("a tenant")},
		"a region that leads to another host":    {plan.Store{Location: "evil.example/"}, errRegion.Problem},
		"the cluster's, for a syncer without it": {plan.Store{Credential: key, Login: plan.Login{Identifier: keyName}}, "no session: " + errNoCredentials.Problem},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := New(Config{AccessKeyID: "id", AccessKeySecret: "secret", Endpoint: server.URL, STSEndpoint: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			_, err = d.Get(t.Context(), test.store, plan.Read{Key: "k"})
			if err == nil || err.Error() != test.want || d.Classify(err) != driver.Invalid {
				t.Errorf("got %v of kind %s, want %s", err, d.Classify(err), test.want)
			}
		})
	}
}

func TestARegionThatTheSyncerDoesNotReach(t *testing.T) {
	for name, test := range map[string]struct {
		config Config
		region string
		want   string
	}{
		"none at all": {Config{}, "", errNoEndpoint.Problem},
		"one that is not the VPC's": {
			Config{Endpoint: "kms-vpc.cn-hangzhou.aliyuncs.com"}, "eu-central-1",
			"this syncer reaches KMS at ALICLOUD_ENDPOINT, which is of region cn-hangzhou alone, not of eu-central-1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := New(test.config)
			if err != nil {
				t.Fatal(err)
			}
			_, err = d.Get(t.Context(), plan.Store{Location: test.region}, plan.Read{Key: "k"})
			if failed, ok := errors.AsType[*driver.Error](err); !ok || failed.Problem != test.want || failed.Hint == "" {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}
