package e2e

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/kms"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/ram"
)

func putAlicloud(t *testing.T, secret kms.Secret) {
	t.Helper()
	if err := theLab.Clouds.Alicloud().PutSecrets(alicloud.Region, secret); err != nil {
		t.Fatal(err)
	}
}

// KES README, Alibaba Cloud KMS Secret Manager: its example, with an account's number for {UID}.
func TestAlicloudKMSSecretManager(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, map[string]string{"iam.amazonaws.com/permitted": "acs:ram::1234567890123456:role/.*"})
	password, user := secretValue(), secretValue()
	putAlicloud(t, kms.Secret{Name: "hello-credentials1", Text: password, VersionID: "001"})
	putAlicloud(t, kms.Secret{Name: "hello-credentials2", Text: user, VersionID: "001"})
	kubectl.MustApply(t, namespace, `
apiVersion: kubernetes-client.io/v1
kind: ExternalSecret
metadata:
  name: hello-service
spec:
  backendType: alicloudSecretsManager
  # optional: specify role to assume using provided access key ID and access key secret when retrieving the data
  roleArn: acs:ram::1234567890123456:role/demo
  data:
    - key: hello-credentials1
      name: password
    - key: hello-credentials2
      name: username
      # Version Stage in Alibaba Cloud KMS Secrets Manager. Optional, default value is ACSCurrent
      versionStage: ACSCurrent
`)
	awaitData(t, namespace, "hello-service", map[string]string{"password": password, "username": user})
	if got := awaitReason(t, namespace, "hello-service", plan.ReasonSynced).Status.Status; got != "SUCCESS" {
		t.Errorf("status %q", got)
	}
	rotated := secretValue()
	putAlicloud(t, kms.Secret{Name: "hello-credentials1", Text: rotated, VersionID: "002"})
	awaitData(t, namespace, "hello-service", map[string]string{"password": rotated, "username": user})
}

// The former version, a property, bytes, and a JSON object whole; all without a role, as the syncer's own user.
func TestAlicloudValues(t *testing.T) {
	t.Parallel()
	namespace, former, user, binary := newNamespace(t, nil), secretValue(), secretValue(), secretValue()+"\x00\xff"
	name := func(s string) string { return namespace + "/" + s }
	putAlicloud(t, kms.Secret{Name: name("password"), Text: former})
	putAlicloud(t, kms.Secret{Name: name("password"), Text: secretValue()})
	putAlicloud(t, kms.Secret{Name: name("object"), Text: `{"user":"` + user + `","pin":12345678901234567890}`})
	putAlicloud(t, kms.Secret{Name: name("binary"), Binary: []byte(binary)})
	kubectl.MustApply(t, namespace, object("values", `
  backendType: alicloudSecretsManager
  data:
    - {key: `+name("password")+`, name: former, versionStage: ACSPrevious}
    - {key: `+name("object")+`, name: first, property: user}
    - {key: `+name("binary")+`, name: bytes}
    - {key: `+name("binary")+`, name: same, isBinary: true}
  dataFrom: [`+name("object")+`]`))
	awaitData(t, namespace, "values", map[string]string{
		"former": former, "first": user, "bytes": binary, "same": binary, "user": user, "pin": "12345678901234567890",
	})
}

// What is denied says by whom and what to do, and leaves the Secret as it is.
func TestAlicloudDenials(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	key, role := namespace+"/db", "acs:ram::1234567890123456:role/"+namespace
	putAlicloud(t, kms.Secret{Name: key, Text: value})
	spec := "{backendType: alicloudSecretsManager, refreshInterval: 1s, roleArn: '" + role + "', data: [{key: " + key + ", name: password}]}"
	kubectl.MustApply(t, namespace, object("db", spec))
	for _, text := range []string{"no session: EntityNotExist.Role", role, "sts:AssumeRole"} {
		says(t, awaitReason(t, namespace, "db", plan.ReasonAccessDenied), text)
	}
	permitted := ram.Role{ARN: role, Trust: []string{alicloud.LabUserARN}, Permissions: theLab.Clouds.Alicloud().LabUser().Permissions}
	if err := theLab.Clouds.Alicloud().RAM().PutRole(permitted); err != nil {
		t.Fatal(err)
	}
	secret := awaitData(t, namespace, "db", map[string]string{"password": value})
	awaitReason(t, namespace, "db", plan.ReasonSynced)
	if err := theLab.Clouds.Alicloud().RAM().PutRole(ram.Role{ARN: role}); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"Forbidden.NoPermission", role, "kms:GetSecretValue"} {
		says(t, awaitReason(t, namespace, "db", plan.ReasonAccessDenied), text)
	}
	untouched(t, secret)
}

// The SDK's client prints requests, with their signatures, and answers, with their values, where DEBUG says so: ours may not. Nor
// may what we log at most show a Secret as it is sent to the API server.
func TestAlicloudPrintsNothing(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	user := theLab.Clouds.Alicloud().LabUser()
	putAlicloud(t, kms.Secret{Name: namespace + "/db", Text: value})
	s := startSyncer(t, namespace, "DEBUG=sdk", "LOG_LEVEL=trace", "ALICLOUD_ENDPOINT="+theLab.CloudsURL, "ALICLOUD_STS_ENDPOINT="+theLab.CloudsURL,
		"ALICLOUD_ACCESS_KEY_ID="+user.AccessKeyID, "ALICLOUD_ACCESS_KEY_SECRET="+user.AccessKeySecret)
	kubectl.MustApply(t, namespace, s.object("db", "{backendType: alicloudSecretsManager, roleArn: '"+alicloud.DemoRoleARN+"', data: [{key: "+namespace+"/db, name: password}]}"))
	awaitData(t, namespace, "db", map[string]string{"password": value})
	s.stopsCleanly(t)
	log, err := os.ReadFile(theLab.LogFile(namespace))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"SignatureNonce", "aliyun", "Request Body", user.AccessKeyID, user.AccessKeySecret, value, base64.StdEncoding.EncodeToString([]byte(value))} {
		if strings.Contains(string(log), text) {
			t.Errorf("the syncer's log holds %s, or something like it", text[:3]+"…")
		}
	}
}

// Alibaba Cloud's own host names, reached through HTTP_PROXY, and the region that they name. (HTTPS_PROXY differs by a CONNECT alone.)
func TestAlicloudThroughAProxy(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	user := theLab.Clouds.Alicloud().LabUser()
	if err := theLab.Clouds.Alicloud().PutSecrets("cn-hangzhou", kms.Secret{Name: namespace + "/db", Text: value}); err != nil {
		t.Fatal(err)
	}
	s := startSyncer(t, namespace, "HTTP_PROXY="+theLab.CloudsURL, "ALICLOUD_ENDPOINT=http://kms.cn-hangzhou.aliyuncs.com",
		"ALICLOUD_STS_ENDPOINT=http://sts.aliyuncs.com", "ALICLOUD_ACCESS_KEY_ID="+user.AccessKeyID, "ALICLOUD_ACCESS_KEY_SECRET="+user.AccessKeySecret)
	kubectl.MustApply(t, namespace, s.object("db", "{backendType: alicloudSecretsManager, roleArn: '"+alicloud.DemoRoleARN+"', data: [{key: "+namespace+"/db, name: password}]}"))
	awaitData(t, namespace, "db", map[string]string{"password": value})
}

// The README's RRSA: what ACK's webhook sets in pods, with a token of the cluster's own.
func TestAlicloudServiceAccount(t *testing.T) {
	t.Parallel()
	const audience, subject = "sts.aliyuncs.com", "system:serviceaccount:secretgate:syncer"
	namespace, value := newNamespace(t, nil), secretValue()
	putAlicloud(t, kms.Secret{Name: namespace + "/db", Text: value})
	own := ram.Role{
		ARN:         "acs:ram::1234567890123456:role/" + namespace,
		Federated:   []ram.Federated{{Provider: "acs:ram::1234567890123456:oidc-provider/" + namespace, Subjects: []string{subject}}},
		Permissions: theLab.Clouds.Alicloud().LabUser().Permissions,
	}
	team := ram.Role{ARN: own.ARN + "-team", Trust: []string{own.ARN}, Permissions: own.Permissions}
	provider := ram.Provider{ARN: own.Federated[0].Provider, Audiences: []string{audience}}
	for path, into := range map[string]any{"/openid/v1/jwks": &provider.Keys, "/.well-known/openid-configuration": &provider} {
		if err := json.Unmarshal([]byte(kubectl.Must(t, "get", "--raw", path)), into); err != nil {
			t.Fatal(err)
		}
	}
	identities := theLab.Clouds.Alicloud().RAM()
	if err := errors.Join(identities.PutProvider(provider), identities.PutRole(own), identities.PutRole(team)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "token")
	token := kubectl.Must(t, "create", "token", "syncer", "-n", "secretgate", "--audience="+audience)
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startSyncer(t, namespace, "ALICLOUD_ENDPOINT="+theLab.CloudsURL, "ALICLOUD_STS_ENDPOINT="+theLab.CloudsURL,
		"ALIBABA_CLOUD_ROLE_ARN="+own.ARN, "ALIBABA_CLOUD_OIDC_PROVIDER_ARN="+provider.ARN, "ALIBABA_CLOUD_OIDC_TOKEN_FILE="+file)
	data := "data: [{key: " + namespace + "/db, name: password}]}"
	kubectl.MustApply(t, namespace, s.object("own", "{backendType: alicloudSecretsManager, "+data))
	kubectl.MustApply(t, namespace, s.object("team", "{backendType: alicloudSecretsManager, roleArn: '"+team.ARN+"', "+data))
	awaitData(t, namespace, "own", map[string]string{"password": value})
	awaitData(t, namespace, "team", map[string]string{"password": value})
}
