package awssecretsmanager

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretgate/secretgate/shared/plan"
)

func TestAnswersThatAreAnothersAreRefused(t *testing.T) {
	const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf"
	told := func(name, arn, version string, stages ...string) *secretsmanager.GetSecretValueOutput {
		return &secretsmanager.GetSecretValueOutput{Name: &name, ARN: &arn, VersionId: &version, VersionStages: stages}
	}
	current := told("prod/db", arn, "v2", "AWSCURRENT", "blue")
	asked := func(key string) plan.Read { return plan.Read{Key: key, VersionStage: "AWSCURRENT"} }
	for name, test := range map[string]struct {
		read   plan.Read
		output *secretsmanager.GetSecretValueOutput
		want   bool
	}{
		"the name":                               {asked("prod/db"), current, true},
		"the ARN":                                {asked(arn), current, true},
		"the ARN without its end":                {asked(arn[:len(arn)-7]), current, true},
		"another name":                           {asked("prod/other"), current, false},
		"the beginning of the name":              {asked("prod/d"), current, false},
		"another account's ARN":                  {asked("arn:aws:secretsmanager:eu-west-1:210987654321:secret:prod/db-AbCdEf"), current, false},
		"another region's ARN, without its end":  {asked("arn:aws:secretsmanager:eu-west-2:123456789012:secret:prod/db"), current, false},
		"another label of the version":           {plan.Read{Key: "prod/db", VersionStage: "blue"}, current, true},
		"a label that the version does not have": {plan.Read{Key: "prod/db", VersionStage: "AWSPREVIOUS"}, current, false},
		"the version":                            {plan.Read{Key: "prod/db", VersionID: "v2"}, current, true},
		"another version":                        {plan.Read{Key: "prod/db", VersionID: "v1"}, current, false},
		"no labels":                              {asked("prod/db"), told("prod/db", arn, "v2"), true},
		"nothing that is named":                  {asked("prod/db"), &secretsmanager.GetSecretValueOutput{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := isAnswer(test.read, test.output); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}
