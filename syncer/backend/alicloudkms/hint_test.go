package alicloudkms

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// TestWhatUsersAreTold reads a service that refuses, with an access key or with the token of a ServiceAccount.
func TestWhatUsersAreTold(t *testing.T) {
	const (
		trust   = "let the trust policy of the role in ALIBABA_CLOUD_ROLE_ARN accept the provider, audience and subject of the syncer's service-account token"
		cluster = "check that ALIBABA_CLOUD_OIDC_PROVIDER_ARN is the syncer's cluster, whose tokens RAM verifies, and the audience of the token"
		assume  = "let the syncer's RAM user or role assume the role: in the role's trust policy, and with sts:AssumeRole in its own"
		keys    = "check ALICLOUD_ACCESS_KEY_ID, ALICLOUD_ACCESS_KEY_SECRET and the clock of the syncer's node"
		begun   = `{"Credentials":{"AccessKeyId":"STS.a","AccessKeySecret":"s","SecurityToken":"t"}}`
	)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("a.b.c"), 0o600); err != nil {
		t.Fatal(err)
	}
	key := Config{AccessKeyID: "id", AccessKeySecret: "secret"}
	pod := Config{OIDC: OIDC{RoleARN: "acs:ram::1:role/pod", ProviderARN: "acs:ram::1:oidc-provider/c", TokenFile: token}}
	for name, test := range map[string]struct {
		config Config
		role   string
		action string // that is refused
		status int
		code   string
		want   string
	}{
		"a secret that is not there": {
			key, "", "GetSecretValue", 404, "Forbidden.ResourceNotFound",
			"not found: Forbidden.ResourceNotFound; check the key, the region of ALICLOUD_ENDPOINT, and the version stage",
		},
		"a user that may not read": {
			key, "", "GetSecretValue", 403, "Forbidden.NoPermission", "access denied: Forbidden.NoPermission; " +
				"allow kms:GetSecretValue on the secret, and kms:Decrypt on its key, to the syncer's own identity",
		},
		"a role that may not read": {
			key, "acs:ram::1:role/r", "GetSecretValue", 403, "Forbidden.NoPermission", "access denied: Forbidden.NoPermission; " +
				"allow kms:GetSecretValue on the secret, and kms:Decrypt on its key, to acs:ram::1:role/r",
		},
		"a role that may not be assumed": {
			key, "acs:ram::1:role/r", "AssumeRole", 403, "NoPermission", "access denied: no session: NoPermission; " + assume,
		},
		"a role that the pod's may not assume": {
			pod, "acs:ram::1:role/r", "AssumeRole", 403, "NoPermission", "access denied: no session: NoPermission; " + assume,
		},
		"a role that does not trust the pod": {
			pod, "", "AssumeRoleWithOIDC", 401, "AuthenticationFail.NoPermission", "access denied: no session: AuthenticationFail.NoPermission; " + trust,
		},
		"the same, on the way to a role": {
			pod, "acs:ram::1:role/r", "AssumeRoleWithOIDC", 401, "AuthenticationFail.NoPermission",
			"access denied: no session: AuthenticationFail.NoPermission; " + trust,
		},
		"a pod's role that does not exist": {
			pod, "", "AssumeRoleWithOIDC", 404, "EntityNotExist.Role", "access denied: no session: EntityNotExist.Role; " + trust,
		},
		"a token that RAM does not take": {
			pod, "", "AssumeRoleWithOIDC", 401, "AuthenticationFail.OIDCToken.Expired",
			"not authenticated: no session: AuthenticationFail.OIDCToken.Expired; " + cluster,
		},
		"an access key that is none": {
			key, "", "GetSecretValue", 404, "InvalidAccessKeyId.NotFound", "not authenticated: InvalidAccessKeyId.NotFound; " + keys,
		},
		"one that may not even ask for a role": {
			key, "acs:ram::1:role/r", "AssumeRole", 404, "InvalidAccessKeyId.NotFound",
			"not authenticated: no session: InvalidAccessKeyId.NotFound; " + keys,
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("Action") != test.action {
					_, _ = fmt.Fprint(w, begun)
					return
				}
				w.WriteHeader(test.status)
				_, _ = fmt.Fprintf(w, `{"Code":%q}`, test.code)
			}))
			t.Cleanup(server.Close)
			test.config.Endpoint, test.config.STSEndpoint = server.URL, server.URL
			d, err := New(test.config)
			if err != nil {
				t.Fatal(err)
			}
			client := &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.AlicloudKMS: d}}
			store := plan.Store{Backend: backends.AlicloudKMS, Role: test.role}
			_, err = client.Get(t.Context(), plan.Source{Store: store, Read: plan.Read{Key: "db", VersionStage: "ACSCurrent"}})
			as := ""
			if test.role != "" {
				as = " as " + test.role
			}
			if err == nil {
				t.Fatal("it was read")
			}
			if diff := cmp.Diff(`cannot read key "db" from alicloudSecretsManager`+as+": "+test.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}
