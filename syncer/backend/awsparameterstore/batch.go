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
	if read.Path || !nameForm.MatchString(id(read)) {
		return 1
	}
	return maxBatch
}

// GetBatch implements driver.Batcher. Parameters that do not exist fail alone, but one that the identity may not read fails
// the whole call.
func (d *Driver) GetBatch(ctx context.Context, store plan.Store, reads []plan.Read) ([]driver.Result, error) {
	input := &ssm.GetParametersInput{Names: names(reads), WithDecryption: aws.Bool(true)}
	var output *ssm.GetParametersOutput
	err := d.do(ctx, store, func(client *ssm.Client, as func(*ssm.Options)) (err error) {
		output, err = client.GetParameters(ctx, input, as)
		return err
	})
	if err != nil {
		return nil, err
	}
	results := make([]driver.Result, len(reads))
	for i, read := range reads {
		results[i] = result(output, id(read))
	}
	return results, nil
}

// names are what is asked for, each once: AWS refuses others.
func names(reads []plan.Read) []string {
	keys := make([]string, len(reads))
	for i, read := range reads {
		keys[i] = id(read)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// result finds a key in the answer, which has no order, and has the selector apart from the name.
func result(output *ssm.GetParametersOutput, key string) driver.Result {
	if slices.Contains(output.InvalidParameters, key) {
		return driver.Result{Err: &awserror.ItemError{Code: "ParameterNotFound"}}
	}
	var found *types.Parameter
	for i := range output.Parameters {
		parameter := &output.Parameters[i]
		suffix := selector(parameter)
		switch {
		case key == aws.ToString(parameter.ARN)+suffix:
			return resultOf(parameter)
		case key == aws.ToString(parameter.Name)+suffix:
			if found != nil && aws.ToString(found.ARN) != aws.ToString(parameter.ARN) {
				return driver.Result{Err: driver.ErrNotAnswered} // another account shares one of this name, which was asked for by its ARN
			}
			found = parameter
		}
	}
	if found == nil {
		return driver.Result{Err: driver.ErrNotAnswered}
	}
	return resultOf(found)
}

func resultOf(parameter *types.Parameter) driver.Result {
	v, err := value(parameter)
	return driver.Result{Value: v, Err: err}
}

// selector is that by which the parameter was asked for, as it was given; empty: the newest version.
func selector(parameter *types.Parameter) string {
	given := aws.ToString(parameter.Selector)
	if given != "" && !strings.HasPrefix(given, ":") {
		return ":" + given
	}
	return given
}
