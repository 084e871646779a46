package awsparameterstore

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Two accounts.
const (
	arn       = "arn:aws:ssm:eu-west-1:123456789012:parameter"
	elsewhere = "arn:aws:ssm:eu-west-1:210987654321:parameter"
)

func TestAnswersAreMatchedToNames(t *testing.T) {
	parameter := func(name, selector, text string, version int64) types.Parameter {
		p := types.Parameter{Name: &name, ARN: aws.String(arn + name), Value: &text, Version: version}
		if selector != "" {
			p.Selector = &selector
		}
		return p
	}
	output := &ssm.GetParametersOutput{
		InvalidParameters: []string{"/gone", "/a:9"},
		Parameters: []types.Parameter{
			parameter("/a", ":2", "second", 2), parameter("/a", "blue", "first", 1), parameter("/a", "", "third", 3),
			{Name: aws.String("/both"), ARN: aws.String(elsewhere + "/both"), Value: aws.String("theirs"), Version: 1}, parameter("/both", "", "ours", 1),
			parameter("/aws/reference/secretsmanager/x", "", "referred to", 0), {Name: aws.String("/empty"), Version: 1},
		},
	}
	text := func(s, version string) driver.Result {
		return driver.Result{Value: driver.Value{Data: []byte(s), Version: version}}
	}
	missing := driver.Result{Err: &awserror.ItemError{Code: "ParameterNotFound"}}
	for name, test := range map[string]struct {
		key  string
		want driver.Result
	}{
		"the newest by name":                     {"/a", text("third", "3")},
		"a version":                              {"/a:2", text("second", "2")},
		"a label, told without its colon":        {"/a:blue", text("first", "1")},
		"the newest by ARN":                      {arn + "/a", text("third", "3")},
		"a version by ARN":                       {arn + "/a:2", text("second", "2")},
		"a version that was not asked for":       {"/a:3", driver.Result{Err: driver.ErrNotAnswered}},
		"a version that does not exist":          {"/a:9", missing},
		"a parameter that does not exist":        {"/gone", missing},
		"a reference, which has no version":      {"/aws/reference/secretsmanager/x", text("referred to", "")},
		"a parameter without a value":            {"/empty", driver.Result{Err: driver.ErrNoValue}},
		"a name that the answer does not have":   {"/other", driver.Result{Err: driver.ErrNotAnswered}},
		"a name that another account shares":     {"/both", driver.Result{Err: driver.ErrNotAnswered}},
		"the other account's, by its ARN":        {elsewhere + "/both", text("theirs", "1")},
		"the end of a name":                      {"a", driver.Result{Err: driver.ErrNotAnswered}},
		"a label that is the name's own version": {"/a:1", driver.Result{Err: driver.ErrNotAnswered}},
	} {
		t.Run(name, func(t *testing.T) {
			sameText := cmp.Comparer(func(a, b error) bool { return fmt.Sprint(a) == fmt.Sprint(b) })
			if diff := cmp.Diff(test.want, result(output, test.key), sameText); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNamesThatWouldFailABatchAreReadAlone(t *testing.T) {
	for name, test := range map[string]struct {
		read plan.Read
		want int
	}{
		"a name":                            {plan.Read{Key: "plain.name-1_2"}, 10},
		"a name with a path":                {plan.Read{Key: "/hello-service/password"}, 10},
		"a version":                         {plan.Read{Key: "/a/b:12"}, 10},
		"a label":                           {plan.Read{Key: "a:blue"}, 10},
		"an ARN":                            {plan.Read{Key: arn + "/a/b"}, 10},
		"an ARN with a label":               {plan.Read{Key: arn + "/a:blue"}, 10},
		"a path to walk":                    {plan.Read{Key: "/a", Path: true}, 1},
		"a path without a slash before it":  {plan.Read{Key: "a/b"}, 1},
		"a path with a slash behind it":     {plan.Read{Key: "/a/"}, 1},
		"two slashes":                       {plan.Read{Key: "/a//b"}, 1},
		"two selectors":                     {plan.Read{Key: "/a:1:2"}, 1},
		"a character that no name can have": {plan.Read{Key: "/a b"}, 1},
		"an ARN of a secret":                {plan.Read{Key: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a/b"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := new(Driver).BatchSize(test.read); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestNamesAreSentOnce(t *testing.T) {
	reads := []plan.Read{{Key: "/b"}, {Key: "/a"}, {Key: "/b", VersionStage: "of no meaning"}}
	if diff := cmp.Diff([]string{"/a", "/b"}, names(reads)); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}
