package permission

import "testing"

func TestAllows(t *testing.T) {
	set := Set{
		{Actions: []string{"secretsmanager:Get*"}, Resources: []string{"arn:aws:secretsmanager:*:*:secret:dev/*"}},
		{Actions: []string{"sts:AssumeRole"}, Resources: []string{"*"}},
	}
	const dev = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:dev/db-AbCdEf"
	for _, tc := range []struct {
		name, action, resource string
		want                   bool
	}{
		{"an action on a resource of one statement is allowed", "secretsmanager:GetSecretValue", dev, true},
		{"the action's case does not matter", "SecretsManager:getsecretvalue", dev, true},
		{"the resource's case matters", "secretsmanager:GetSecretValue", "arn:aws:secretsmanager:r:1:secret:DEV/db", false},
		{"an action that no statement names is denied", "secretsmanager:BatchGetSecretValue", dev, false},
		{"statements do not lend each other their resources", "secretsmanager:GetSecretValue", "*", false},
		{"a statement on all resources allows any", "sts:AssumeRole", "arn:aws:iam::1:role/x", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := set.Allows(tc.action, tc.resource); got != tc.want {
				t.Errorf("Allows(%q, %q) = %v, want %v", tc.action, tc.resource, got, tc.want)
			}
			if Set(nil).Allows(tc.action, tc.resource) {
				t.Error("the empty set allows something")
			}
		})
	}
}
