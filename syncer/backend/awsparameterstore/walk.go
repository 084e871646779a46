package awsparameterstore

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// maxWalk bounds what one walk gathers, in bytes of values and names and perValue for each: far more than a Secret holds.
const (
	maxWalk  = 16 << 20
	perValue = 100
)

// errTooMuch says that there is more below a path than any object can use.
var errTooMuch = &driver.Error{
	Kind: driver.Invalid, Problem: "the parameters below the path have more than 16 MiB",
	Hint: "name a path with fewer parameters below it",
}

// nothingBelow says that a path yields nothing. Parameter Store answers so for a path with a typo, too.
func nothingBelow(read plan.Read) error {
	missing := &driver.Error{
		Kind: driver.NotFound, Problem: "no parameter is below " + read.Key,
		Hint: "check the path, or set {recursive}; a parameter itself is read by its key",
	}
	if read.Recursive {
		missing.Hint = "check the path; a parameter itself is read by its key"
	}
	return missing
}

// Walk implements driver.Walker. Parameters that come or go between two pages may be missed or found; the next walk
// finds what is there then.
func (d *Driver) Walk(ctx context.Context, store plan.Store, read plan.Read) ([]driver.Value, error) {
	input := &ssm.GetParametersByPathInput{Path: &read.Key, Recursive: &read.Recursive, WithDecryption: aws.Bool(true)}
	var found []driver.Value
	err := d.do(ctx, store, func(client *ssm.Client, as func(*ssm.Options)) error {
		found = nil // a second attempt begins anew
		size := 0
		pages := ssm.NewGetParametersByPathPaginator(client, input)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx, as)
			if err != nil {
				return err
			}
			for i := range page.Parameters {
				name := aws.ToString(page.Parameters[i].Name)
				v, err := value(&page.Parameters[i])
				if err != nil {
					return fmt.Errorf("%s: %w", driver.Word(name), err)
				}
				v.Name = name
				if size += len(v.Name) + len(v.Data) + perValue; size > maxWalk {
					return errTooMuch
				}
				found = append(found, v)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, nothingBelow(read)
	}
	return found, nil
}
