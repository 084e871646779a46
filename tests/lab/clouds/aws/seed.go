package aws

import (
	"fmt"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// The identities that every emulated AWS starts with. The roles trust the lab's user and live up to 12 hours.
const (
	// LabUserARN may do everything in Secrets Manager and Parameter Store, decrypt, and assume roles.
	LabUserARN = "arn:aws:iam::123456789012:user/secretgate-lab"
	// TestRoleARN and ReadOnlyRoleARN are named in KES's documents. They may read all secrets and
	// parameters, one by one and in batches.
	TestRoleARN     = "arn:aws:iam::123456789012:role/test-role"
	ReadOnlyRoleARN = "arn:aws:iam::123456789012:role/secrets-readonly-example"
	// NoBatchRoleARN may read all secrets and parameters, but only one by one.
	NoBatchRoleARN = "arn:aws:iam::123456789012:role/no-batch"
)

func (c *Cloud) seed() {
	everything := allow("secretsmanager:*", "ssm:*", "kms:Decrypt", "sts:AssumeRole")
	user, err := c.identities.PutUser(iam.User{ARN: LabUserARN, Permissions: everything})
	if err != nil {
		panic(fmt.Sprintf("the lab's own user is refused: %v", err))
	}
	c.labUser = user
	read := allow("secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue", "secretsmanager:DescribeSecret",
		"secretsmanager:ListSecrets", "ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "ssm:DescribeParameters")
	for arn, permissions := range map[string]permission.Set{
		TestRoleARN:     read,
		ReadOnlyRoleARN: read,
		NoBatchRoleARN:  allow("secretsmanager:GetSecretValue", "ssm:GetParameter"),
	} {
		role := iam.Role{ARN: arn, Trust: []string{LabUserARN}, Permissions: permissions, MaxSessionSeconds: 43200}
		if err := c.identities.PutRole(role); err != nil {
			panic(fmt.Sprintf("a role of the lab's own is refused: %v", err))
		}
	}
}

// allow permits actions on everything.
func allow(actions ...string) permission.Set {
	return permission.Set{{Actions: actions, Resources: []string{"*"}}}
}
