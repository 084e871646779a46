package awsparameterstore

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"golang.org/x/sync/errgroup"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

const (
	// maxNames bounds how many parameters are found by tags.
	maxNames = 1000
	// atOnce is how many batches of them are read at the same time.
	atOnce = 4
)

var errTooMany = &driver.Error{
	Kind: driver.Invalid, Problem: "more than 1,000 parameters are found", Hint: "narrow it: name a longer path, or more tags",
}

// tagged finds the parameters below a path that have all tags, and then reads these alone: a walk by path cannot look for tags.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeParameters.html
func tagged(ctx context.Context, client *ssm.Client, as func(*ssm.Options), read plan.Read) ([]types.Parameter, error) {
	var names []string
	pages := ssm.NewDescribeParametersPaginator(client, &ssm.DescribeParametersInput{
		ParameterFilters: filters(read), MaxResults: aws.Int32(50),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx, as)
		if err != nil {
			return nil, err
		}
		for i := range page.Parameters {
			names = append(names, aws.ToString(page.Parameters[i].Name))
		}
		if len(names) > maxNames {
			return nil, errTooMany
		}
	}
	return named(ctx, client, as, names)
}

// filters demand the path and each tag, as a pair.
func filters(read plan.Read) []types.ParameterStringFilter {
	var all []types.ParameterStringFilter
	if path := root(read.Key); path != "/" {
		option := "OneLevel"
		if read.Recursive {
			option = "Recursive"
		}
		all = append(all, types.ParameterStringFilter{Key: aws.String("Path"), Option: &option, Values: []string{path}})
	}
	for _, tag := range read.Tags.Texts() {
		key, value, _ := strings.Cut(tag, "=")
		all = append(all, types.ParameterStringFilter{Key: aws.String("tag:" + key), Option: aws.String("Equals"), Values: []string{value}})
	}
	return all
}

// named reads parameters by their names, in batches. One that was deleted meanwhile is left out.
func named(ctx context.Context, client *ssm.Client, as func(*ssm.Options), names []string) ([]types.Parameter, error) {
	batches := slices.Collect(slices.Chunk(names, maxBatch))
	read := make([][]types.Parameter, len(batches))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, batch := range batches {
		group.Go(func() error {
			output, err := client.GetParameters(ctx, &ssm.GetParametersInput{Names: batch, WithDecryption: aws.Bool(true)}, as)
			if err != nil {
				return err
			}
			for j := range output.Parameters {
				if !slices.Contains(batch, aws.ToString(output.Parameters[j].Name)) {
					return driver.ErrOther
				}
			}
			read[i] = output.Parameters
			return nil
		})
	}
	err := group.Wait()
	return slices.Concat(read...), err
}
