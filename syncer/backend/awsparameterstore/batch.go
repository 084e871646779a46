package awsparameterstore

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// maxBatch is how many names one GetParameters takes.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html
const maxBatch = 10

// nameForm is what names, ARNs and their selectors look like.
// https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
var nameForm = regexp.MustCompile(`^(?:(?:arn:[^/]+:parameter)?(?:/[A-Za-z0-9_.-]+)+|[A-Za-z0-9_.-]+)(?::[A-Za-z0-9_.-]+)?$`)

// BatchSize implements driver.Batcher. A name that no parameter can have would fail a whole batch: it is left to fail alone.
func (d *Driver) BatchSize(read plan.Read) int {
	if read.Path || !nameForm.MatchString(read.Key) {
		return 1
	}
	return maxBatch
}

// GetBatch implements driver.Batcher. Parameters that do not exist fail alone, but one that the identity may not read fails
// the whole call.
func (d *Driver) GetBatch(ctx context.Context, scope plan.Scope, reads []plan.Read) ([]driver.Result, error) {
	input := &ssm.GetParametersInput{Names: names(reads), WithDecryption: aws.Bool(true)}
	var output *ssm.GetParametersOutput
	err := d.do(ctx, scope, func(client *ssm.Client, as func(*ssm.Options)) (err error) {
		output, err = client.GetParameters(ctx, input, as)
		return err
	})
	if err != nil {
		return nil, err
	}
	results := make([]driver.Result, len(reads))
	for i, read := range reads {
		results[i] = result(output, read.Key)
	}
	return results, nil
}

// names are the keys, each once: AWS refuses others.
func names(reads []plan.Read) []string {
	keys := make([]string, len(reads))
	for i, read := range reads {
		keys[i] = read.Key
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// result finds what the answer says of a key. It comes in no order, and tells the selector apart from the name.
func result(output *ssm.GetParametersOutput, key string) driver.Result {
	if slices.Contains(output.InvalidParameters, key) {
		return driver.Result{Err: &awserror.ItemError{Code: "ParameterNotFound"}}
	}
	for i := range output.Parameters {
		if parameter := &output.Parameters[i]; named(parameter, key) {
			v, err := value(parameter)
			return driver.Result{Value: v, Err: err}
		}
	}
	return driver.Result{Err: driver.ErrNotAnswered}
}

// named tells whether the parameter is what the key asks for: by name or ARN, and by the selector as it was given.
func named(parameter *types.Parameter, key string) bool {
	selector := aws.ToString(parameter.Selector)
	if selector != "" && !strings.HasPrefix(selector, ":") {
		selector = ":" + selector
	}
	return key == aws.ToString(parameter.Name)+selector || key == aws.ToString(parameter.ARN)+selector
}
