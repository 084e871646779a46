package integration

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/alicloudkms"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/kms"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/ram"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

const (
	ackRole     = "acs:ram::" + alicloud.Account + ":role/syncer"
	ackProvider = "acs:ram::" + alicloud.Account + ":oidc-provider/ack-rrsa"
	ackAudience = "sts.aliyuncs.com"
)

// cluster is one whose tokens RAM takes: the syncer's is the role ackRole, which may read what is below pod/, and assume roles.
func (l *alicloudLab) cluster(t *testing.T) (*cluster, alicloudkms.Config) {
	t.Helper()
	c := newCluster(t)
	err := l.Alicloud().RAM().PutProvider(ram.Provider{
		ARN: ackProvider, Issuer: podIssuer, Audiences: []string{ackAudience}, Keys: c.keys,
	})
	if err != nil {
		t.Fatal(err)
	}
	err = l.Alicloud().RAM().PutRole(ram.Role{
		ARN: ackRole, Federated: []ram.Federated{{Provider: ackProvider, Subjects: []string{podSubject}}},
		Permissions: permission.Set{
			{Actions: []string{"kms:GetSecretValue"}, Resources: []string{"acs:kms:*:*:secret/pod/*"}},
			{Actions: []string{"sts:AssumeRole"}, Resources: []string{"*"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, alicloudkms.Config{
		Endpoint: l.url, STSEndpoint: l.url,
		OIDC: alicloudkms.OIDC{RoleARN: ackRole, ProviderARN: ackProvider, TokenFile: c.file},
	}
}

func alicloudClient(t *testing.T, config alicloudkms.Config) *backend.Client {
	t.Helper()
	d, err := alicloudkms.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.AlicloudKMS: d}}
}

// TestAlicloudServiceAccount is how pods on ACK prove who they are (RRSA): one session for the service account, whatever the
// number of reads and roles, from a token that kubelet replaces.
func TestAlicloudServiceAccount(t *testing.T) {
	l := startAlicloud(t)
	l.put(t, kms.Secret{Name: "pod/a", Text: "planted"})
	l.put(t, kms.Secret{Name: "team/a", Text: "planted"})
	c, config := l.cluster(t)
	var now clock
	config.Now = now.now
	client := alicloudClient(t, config)
	one, other := l.role(t, "one", "team/", ackRole), l.role(t, "other", "team/", ackRole)
	reads := func() {
		t.Helper()
		readTogether(t, client, plan.Source{Store: alicloudStore(""), Read: alicloudRead("pod/a")})
		readTogether(t, client, plan.Source{Store: one, Read: alicloudRead("team/a")})
		readTogether(t, client, plan.Source{Store: other, Read: alicloudRead("team/a")})
	}
	calls := func() []int {
		return []int{
			l.Counters().Sum(counter.Key{Operation: "AssumeRoleWithOIDC", Code: "OK"}), l.Counters().Sum(counter.Key{Operation: "AssumeRole", Code: "OK"}),
		}
	}
	c.writes(t, podSubject, ackAudience, time.Minute)
	reads()
	reads()
	if diff := cmp.Diff([]int{1, 2}, calls()); diff != "" {
		t.Errorf("sessions of the service account and of roles (-want +got):\n%s", diff)
	}
	c.writes(t, podSubject, ackAudience, 2*time.Minute)
	now.advance(56 * time.Minute)
	reads()
	if diff := cmp.Diff([]int{2, 4}, calls()); diff != "" {
		t.Errorf("sessions of the service account and of roles, near their end (-want +got):\n%s", diff)
	}
	l.Alicloud().ExpireSessions()
	reads()
	if diff := cmp.Diff([]int{3, 6}, calls()); diff != "" {
		t.Errorf("sessions of the service account and of roles, after all have ended (-want +got):\n%s", diff)
	}
	_, err := client.Get(t.Context(), plan.Source{Store: alicloudStore(""), Read: alicloudRead("team/a")})
	if err == nil || !strings.Contains(err.Error(), "Forbidden.NoPermission") {
		t.Errorf("the service account reads what is a role's: %v", err)
	}
}

// TestAlicloudServiceAccountErrors tells what users read where the token is no good, and what they do not: the token.
func TestAlicloudServiceAccountErrors(t *testing.T) {
	const read = `cannot read key "pod/a" from alicloudSecretsManager: `
	const trust = "; let the trust policy of the role in ALIBABA_CLOUD_ROLE_ARN accept the provider, audience and subject of the syncer's service-account token"
	const known = "; check that ALIBABA_CLOUD_OIDC_PROVIDER_ARN is the syncer's cluster, whose tokens RAM verifies, and the audience of the token"
	type setup struct {
		*alicloudLab
		*cluster
		config alicloudkms.Config
	}
	for name, test := range map[string]struct {
		change func(t *testing.T, s *setup)
		want   string
	}{
		"another service account": {
			func(t *testing.T, s *setup) { s.writes(t, "system:serviceaccount:a:b", ackAudience, time.Hour) },
			"access denied: no session: AuthenticationFail.NoPermission: There is no permission" + trust,
		},
		"a token for another audience": {
			func(t *testing.T, s *setup) { s.writes(t, podSubject, "other", time.Hour) },
			"not authenticated: no session: AuthenticationFail.OIDCToken.AudienceNotMatch: Invalid audience" + known,
		},
		"a token that has expired": {
			func(t *testing.T, s *setup) { s.writes(t, podSubject, ackAudience, -time.Minute) },
			"not authenticated: no session: AuthenticationFail.OIDCToken.Expired: This JsonWebToken is expired" + known,
		},
		"a token of another cluster": {
			func(t *testing.T, s *setup) { s.alicloudLab.cluster(t) }, // in the first one's place
			"not authenticated: no session: AuthenticationFail.OIDCToken.InvalidSignature: OIDC token validate failed: invalid signature" + known,
		},
		"a provider that RAM does not know": {
			func(_ *testing.T, s *setup) { s.config.OIDC.ProviderARN += "-none" },
			"access denied: no session: AuthenticationFail.NoPermission: No such OIDC Provider registered" + trust,
		},
		"no role": {
			func(_ *testing.T, s *setup) { s.config.OIDC.RoleARN = "" },
			"not authenticated: no session: ALIBABA_CLOUD_OIDC_TOKEN_FILE is set, but not what goes with it; " +
				"set ALIBABA_CLOUD_ROLE_ARN and ALIBABA_CLOUD_OIDC_PROVIDER_ARN for the syncer",
		},
		"no file": {
			func(_ *testing.T, s *setup) { s.config.OIDC.TokenFile += "-none" },
			"not authenticated: no session: the service-account token cannot be read; mount it where ALIBABA_CLOUD_OIDC_TOKEN_FILE says",
		},
		"half an access key beside it": {
			func(_ *testing.T, s *setup) { s.config.AccessKeyID = otherKeyID },
			"not authenticated: the syncer has no access key, and no role for its service account; " +
				"set ALICLOUD_ACCESS_KEY_ID and ALICLOUD_ACCESS_KEY_SECRET for the syncer, or give its service account a role (RRSA)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &setup{alicloudLab: startAlicloud(t)}
			s.put(t, kms.Secret{Name: "pod/a", Text: "planted"})
			s.cluster, s.config = s.alicloudLab.cluster(t)
			s.writes(t, podSubject, ackAudience, time.Hour)
			test.change(t, s)
			token, err := os.ReadFile(s.file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = alicloudClient(t, s.config).Get(t.Context(), plan.Source{Store: alicloudStore(""), Read: alicloudRead("pod/a")})
			if err == nil {
				t.Fatal("it was read")
			}
			if diff := cmp.Diff(read+test.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Contains(err.Error(), strings.TrimSpace(string(token))) {
				t.Error("the error holds the token")
			}
		})
	}
}

// TestAlicloudRoleOfAStoreByThePodsToken is RRSA where a store of the cluster names the role: the pod's token begins the session of that role
// itself, and never that of a role whose trust policy does not have the pod.
func TestAlicloudRoleOfAStoreByThePodsToken(t *testing.T) {
	l := startAlicloud(t)
	l.put(t, kms.Secret{Name: "store/a", Text: "planted"})
	c, config := l.cluster(t)
	config.OIDC.RoleARN, config.OIDC.ProviderARN = "", "" // the syncer has no role of its own
	c.writes(t, podSubject, ackAudience, time.Minute)
	role := func(name, subject string) plan.Store {
		arn := "acs:ram::1234567890123456:role/" + name
		err := l.Alicloud().RAM().PutRole(ram.Role{
			ARN: arn, Federated: []ram.Federated{{Provider: ackProvider, Subjects: []string{subject}}},
			Permissions: permission.Set{{Actions: []string{"kms:GetSecretValue"}, Resources: []string{"acs:kms:*:*:secret/store/*"}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return plan.Store{Backend: backends.AlicloudKMS, Role: arn, Mount: ackProvider}
	}
	client := alicloudClient(t, config)
	readTogether(t, client, plan.Source{Store: role("store", podSubject), Read: alicloudRead("store/a")})
	_, err := client.Get(t.Context(), plan.Source{Store: role("others", "system:serviceaccount:other:other"), Read: alicloudRead("store/a")})
	if err == nil || !strings.Contains(err.Error(), "access denied") && !strings.Contains(err.Error(), "not authenticated") {
		t.Errorf("got %v, want that the role of another ServiceAccount is refused", err)
	}
	config.OIDC.TokenFile = ""
	_, err = alicloudClient(t, config).Get(t.Context(), plan.Source{Store: role("store", podSubject), Read: alicloudRead("store/a")})
	if err == nil || !strings.Contains(err.Error(), "the service-account token cannot be read") {
		t.Errorf("without a token: got %v, want that it cannot be read", err)
	}
}
