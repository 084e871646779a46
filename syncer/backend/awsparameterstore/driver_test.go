package awsparameterstore

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

func TestAnswersThatAreAnothersAreRefused(t *testing.T) {
	told := func(name, selector string, version int64) *types.Parameter {
		return &types.Parameter{Name: &name, ARN: aws.String(arn + "/" + name), Selector: &selector, Version: version}
	}
	const reference = "/aws/reference/secretsmanager/x"
	for name, test := range map[string]struct {
		key       string
		parameter *types.Parameter
		want      bool
	}{
		"the name":                              {"/a", told("/a", "", 3), true},
		"a name without slashes":                {"a", told("a", "", 3), true},
		"the ARN":                               {arn + "/a", &types.Parameter{Name: aws.String("/a"), ARN: aws.String(arn + "/a")}, true},
		"a shared one's ARN, told as its name":  {elsewhere + "/a", &types.Parameter{Name: aws.String(elsewhere + "/a")}, true},
		"a version":                             {"/a:2", told("/a", ":2", 2), true},
		"a version that is told by number only": {"/a:2", told("/a", "", 2), true},
		"a label":                               {"/a:blue", told("/a", "blue", 2), true},
		"a label that is not told":              {"/a:blue", told("/a", "", 2), true},
		"a label by ARN":                        {arn + "/a:blue", &types.Parameter{Name: aws.String("/a"), ARN: aws.String(arn + "/a"), Selector: aws.String(":blue")}, true},
		"a reference, which has no version":     {reference, told(reference, "", 0), true},
		"a reference to a version":              {reference + ":1", told(reference, ":1", 0), true},
		"nothing that is named":                 {"/a", &types.Parameter{}, true},
		"another name":                          {"/a", told("/b", "", 3), false},
		"the end of a name":                     {"/a", told("/b/a", "", 3), false},
		"another account's":                     {elsewhere + "/a", &types.Parameter{Name: aws.String("/a"), ARN: aws.String(arn + "/a")}, false},
		"another version":                       {"/a:2", told("/a", ":3", 3), false},
		"another version, told by number only":  {"/a:2", told("/a", "", 3), false},
		"another label":                         {"/a:blue", told("/a", ":green", 2), false},
		"a label where the newest was asked":    {"/a", told("/a", ":green", 2), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := isAnswer(test.key, test.parameter); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}
