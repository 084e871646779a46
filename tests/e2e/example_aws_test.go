package e2e

import (
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/ssm"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// KES README, Add a secret: its two policies of IAM, for this lab's account and test's names. Neither allows a batch.
func TestDocumentedPoliciesOfIAM(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	role := func(name string, p permission.Allow) string {
		arn := "arn:aws:iam::" + aws.Account + ":role/" + namespace + "-" + name
		if err := theLab.Clouds.AWS().IAM().PutRole(iam.Role{ARN: arn, Trust: []string{aws.LabUserARN}, Permissions: permission.Set{p}}); err != nil {
			t.Fatal(err)
		}
		return arn
	}
	parameters := role("parameters", permission.Allow{
		Actions: []string{"ssm:GetParameter"}, Resources: []string{in(namespace, "arn:aws:ssm:us-west-2:"+aws.Account+":parameter/NS-prod-*")},
	})
	secrets := role("secrets", permission.Allow{
		Actions: []string{
			"secretsmanager:GetResourcePolicy", "secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", "secretsmanager:ListSecretVersionIds",
		},
		Resources: []string{in(namespace, "arn:aws:secretsmanager:us-west-2:"+aws.Account+":secret:NS-aes128-??????")},
	})
	for _, name := range []string{"-prod-a", "-prod-b", "-dev-a"} {
		putParameters(t, ssm.Parameter{Name: "/" + namespace + name, Value: value})
	}
	putAWS(t, namespace+"-aes128", value)
	putAWS(t, namespace+"-aes512", value)
	spec := func(backend, role, data string) string {
		return in(namespace, "{backendType: "+backend+", roleArn: '"+role+"', data: ["+data+"]}")
	}
	kubectl.MustApply(t, namespace, object("prod", spec("systemManager", parameters, "{key: /NS-prod-a, name: a}, {key: /NS-prod-b, name: b}")))
	kubectl.MustApply(t, namespace, object("dev", spec("systemManager", parameters, "{key: /NS-prod-a, name: a}, {key: /NS-dev-a, name: b}")))
	kubectl.MustApply(t, namespace, object("aes128", spec("secretsManager", secrets, "{key: NS-aes128, name: a}")))
	kubectl.MustApply(t, namespace, object("aes512", spec("secretsManager", secrets, "{key: NS-aes128, name: a}, {key: NS-aes512, name: b}")))
	awaitData(t, namespace, "prod", map[string]string{"a": value, "b": value})
	awaitData(t, namespace, "aes128", map[string]string{"a": value})
	for name, key := range map[string]string{"dev": "/NS-dev-a", "aes512": "NS-aes512"} {
		es := awaitReason(t, namespace, name, plan.ReasonAccessDenied)
		says(t, es, "spec.data[1]: cannot read key \""+in(namespace, key))
		says(t, es, map[string]string{"dev": "ssm:GetParameter", "aes512": "secretsmanager:GetSecretValue"}[name])
		if getSecret(t, namespace, name) != nil {
			t.Errorf("%s: a Secret was written without the value that was denied", name)
		}
	}
}

// External Secrets in Kubernetes (post), Create External Secret: its secret of eu-central-1, as an object of KES's kind reads it;
// the region that an object names holds for its role's session, too.
func TestRegionOfAnObject(t *testing.T) {
	t.Parallel()
	const key = "demo/aws-sm/ext-postgres-secret"
	namespace, user, password, parameter := newNamespace(t, nil), secretValue(), secretValue(), secretValue()
	value := secretsmanager.Secret{Name: key, String: `{"username":"` + user + `","password":"` + password + `"}`}
	if err := theLab.Clouds.AWS().PutSecrets("eu-central-1", value); err != nil {
		t.Fatal(err)
	}
	if err := theLab.Clouds.AWS().PutParameters("eu-central-1", ssm.Parameter{Name: "/" + key, Value: parameter}); err != nil {
		t.Fatal(err)
	}
	kubectl.MustApply(t, namespace, `
apiVersion: kubernetes-client.io/v1
kind: ExternalSecret
metadata:
  name: ext-postgres-secret
spec:
  backendType: secretsManager
  region: eu-central-1
  roleArn: arn:aws:iam::123456789012:role/test-role
  data:
    - key: demo/aws-sm/ext-postgres-secret
      name: username
      property: username
    - key: demo/aws-sm/ext-postgres-secret
      name: password
      property: password
`)
	kubectl.MustApply(t, namespace, object("parameter", "{backendType: systemManager, region: eu-central-1, roleArn: '"+aws.TestRoleARN+"', data: [{key: /"+key+", name: value}]}"))
	kubectl.MustApply(t, namespace, object("elsewhere", "{backendType: secretsManager, data: [{key: "+key+", name: value}]}"))
	awaitData(t, namespace, "ext-postgres-secret", map[string]string{"username": user, "password": password})
	awaitData(t, namespace, "parameter", map[string]string{"value": parameter})
	says(t, awaitReason(t, namespace, "elsewhere", plan.ReasonSecretNotFound), theLab.AWSRegion)
}
