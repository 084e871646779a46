package awsparameterstore

import (
	"cmp"
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

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
	if read.Tags != "" {
		return &driver.Error{
			Kind: driver.NotFound, Problem: "no parameter below " + root(read.Key) + " has these tags",
			Hint: "check the path, the tags and the region",
		}
	}
	missing := &driver.Error{
		Kind: driver.NotFound, Problem: "no parameter is below " + root(read.Key),
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
	var found walked
	err := d.do(ctx, store, func(client *ssm.Client, as func(*ssm.Options)) error {
		found = walked{} // a second attempt begins anew
		if read.Tags == "" {
			return found.path(ctx, client, as, read)
		}
		parameters, err := tagged(ctx, client, as, read)
		if err != nil {
			return err
		}
		return found.add(parameters)
	})
	if err != nil {
		return nil, err
	}
	if len(found.values) == 0 {
		return nil, nothingBelow(read)
	}
	return found.values, nil
}

// root is the path itself, or that of all parameters.
func root(path string) string { return cmp.Or(path, "/") }

// walked is what a walk has gathered.
type walked struct {
	values []driver.Value
	size   int
}

// path gathers what is below a path, page by page.
func (w *walked) path(ctx context.Context, client *ssm.Client, as func(*ssm.Options), read plan.Read) error {
	pages := ssm.NewGetParametersByPathPaginator(client, &ssm.GetParametersByPathInput{
		Path: aws.String(root(read.Key)), Recursive: &read.Recursive, WithDecryption: aws.Bool(true),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx, as)
		if err != nil {
			return err
		}
		if err := w.add(page.Parameters); err != nil {
			return err
		}
	}
	return nil
}

func (w *walked) add(parameters []types.Parameter) error {
	for i := range parameters {
		name := aws.ToString(parameters[i].Name)
		v, err := value(&parameters[i])
		if err != nil {
			return fmt.Errorf("%s: %w", driver.Word(name), err)
		}
		v.Name = name
		if w.size += len(v.Name) + len(v.Data) + perValue; w.size > maxWalk {
			return errTooMuch
		}
		w.values = append(w.values, v)
	}
	return nil
}
