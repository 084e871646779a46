package e2e

import (
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// The policy of the documents: one role for all teams, each of which IAM lets read what is below its namespace's name. No annotation
// restricts them.
func TestIAMRefusesANamespaceWhatIsAnothers(t *testing.T) {
	t.Parallel()
	core, shop := newNamespace(t, nil), newNamespace(t, nil)
	values := map[string]string{core: secretValue(), shop: secretValue()}
	for namespace, value := range values {
		putAWS(t, namespace+"/a", value)
		putAWS(t, namespace+"/b", value)
	}
	role := func(name string, tagging bool) string {
		arn := "arn:aws:iam::" + aws.Account + ":role/" + core + "-" + name
		err := theLab.Clouds.AWS().IAM().PutRole(iam.Role{ARN: arn, Trust: []string{aws.LabUserARN}, Tagging: tagging, Permissions: permission.Set{
			{Actions: []string{"secretsmanager:BatchGetSecretValue"}, Resources: []string{"*"}},
			{
				Actions:   []string{"secretsmanager:GetSecretValue"},
				Resources: []string{"arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/" + awserror.TagNamespace + "}/*"},
			},
		}})
		if err != nil {
			t.Fatal(err)
		}
		return arn
	}
	teams, untaggable := role("teams", true), role("untaggable", false)
	s := startSyncerWith(t, core, []string{"--aws-session-tags=namespace"}, "AWS_SM_ENDPOINT="+theLab.AWSEndpoint, "AWS_STS_ENDPOINT="+theLab.AWSEndpoint)
	read := func(namespace, name, role, of string) {
		if role != "" {
			role = "roleArn: '" + role + "', "
		}
		kubectl.MustApply(t, namespace, s.object(name, "{backendType: secretsManager, "+role+
			"data: [{key: "+of+"/a, name: a}, {key: "+of+"/b, name: b}]}"))
	}
	read(core, "own", teams, core)
	read(shop, "own", teams, shop)
	for namespace, value := range values {
		awaitData(t, namespace, "own", map[string]string{"a": value, "b": value})
	}
	read(shop, "others", teams, core) // which has been read as the same role, for those who may
	es := awaitReason(t, shop, "others", plan.ReasonAccessDenied)
	says(t, es, "to "+teams+" with session tag secretgate:namespace="+shop)
	if getSecret(t, shop, "others") != nil {
		t.Error("a Secret was written from values that IAM denies the namespace")
	}
	read(core, "untaggable", untaggable, core)
	says(t, awaitReason(t, core, "untaggable", plan.ReasonAccessDenied), "sts:TagSession beside sts:AssumeRole in the role's trust policy")
	read(core, "own-identity", "", core)
	says(t, awaitReason(t, core, "own-identity", plan.ReasonInvalidRequest), "the syncer's own AWS session cannot be tagged; set spec.roleArn")
	s.stopsCleanly(t)
}
