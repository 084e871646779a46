package alicloud

import (
	"fmt"

	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/ram"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// The identities that every emulated Alibaba Cloud starts with. The role trusts the lab's user.
const (
	// LabUserARN may read all secrets, and assume roles.
	LabUserARN = "acs:ram::" + Account + ":user/secretgate-lab"
	// DemoRoleARN is named in KES's documents. It may read all secrets.
	DemoRoleARN = "acs:ram::" + Account + ":role/demo"
)

func (c *Cloud) seed() {
	user, err := c.identities.PutUser(ram.User{ARN: LabUserARN, Permissions: allow("kms:GetSecretValue", "sts:AssumeRole")})
	if err != nil {
		panic(fmt.Sprintf("the lab's own user is refused: %v", err))
	}
	c.labUser = user
	role := ram.Role{ARN: DemoRoleARN, Trust: []string{LabUserARN}, Permissions: allow("kms:GetSecretValue")}
	if err := c.identities.PutRole(role); err != nil {
		panic(fmt.Sprintf("the lab's own role is refused: %v", err))
	}
}

// allow permits actions on everything.
func allow(actions ...string) permission.Set {
	return permission.Set{{Actions: actions, Resources: []string{"*"}}}
}
