package awssecretsmanager

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"golang.org/x/sync/errgroup"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

const (
	// maxNames bounds how many secrets one walk reads, and maxWalk their values' bytes: far more than a Secret holds.
	maxNames = 1000
	maxWalk  = 16 << 20
	// atOnce is how many batches of one walk are read at the same time.
	atOnce = 4
)

var (
	errTooMany = &driver.Error{
		Kind: driver.Invalid, Problem: "more than 1,000 secrets are found", Hint: "narrow it: name a longer path, or more tags",
	}
	errTooMuch = &driver.Error{
		Kind: driver.Invalid, Problem: "the secrets that are found have more than 16 MiB", Hint: "narrow it: name a longer path, or more tags",
	}
)

// nothingFound says that no secret is meant. Secrets Manager answers so for a prefix with a typo, too.
func nothingFound(read plan.Read) error {
	problem := "there is no secret"
	if read.Key != "" {
		problem = "no secret's name begins with " + read.Key
	}
	if read.Tags != "" {
		problem += ", with these tags"
	}
	return &driver.Error{Kind: driver.NotFound, Problem: problem, Hint: "check the path, the tags and the region; case counts"}
}

// Walk implements driver.Walker: read.Key is what names begin with. Values are only read of the secrets that are meant: names and tags are
// listed first. Secrets that come or go meanwhile may be missed or found; the next walk finds what is there then.
func (d *Driver) Walk(ctx context.Context, store plan.Store, read plan.Read) (found []driver.Value, err error) {
	client := func() *secretsmanager.Client { return d.clients.For(store.Location) }
	err = d.sessions.Do(ctx, store, func(credentials aws.CredentialsProvider) error {
		as := func(o *secretsmanager.Options) { o.Credentials = credentials }
		meant, err := list(ctx, client(), as, read)
		if err == nil {
			found, err = values(ctx, client(), as, meant) // a second attempt begins anew
		}
		return err
	})
	if err == nil && len(found) == 0 {
		err = nothingFound(read)
	}
	return found, err
}

// list names the secrets that are meant.
func list(
	ctx context.Context, client *secretsmanager.Client, as func(*secretsmanager.Options), read plan.Read,
) ([]types.SecretListEntry, error) {
	var meant []types.SecretListEntry
	pages := secretsmanager.NewListSecretsPaginator(client, &secretsmanager.ListSecretsInput{
		Filters: filters(read), MaxResults: aws.Int32(100),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx, as)
		if err != nil {
			return nil, err
		}
		for i := range page.SecretList {
			if isMeant(read, &page.SecretList[i]) {
				meant = append(meant, page.SecretList[i])
			}
		}
		if len(meant) > maxNames {
			return nil, errTooMany
		}
	}
	return meant, nil
}

// filterable is the form of texts that a filter can look for. An exclamation mark in front would turn the filter around.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Filter.html
var filterable = regexp.MustCompile(`\A[a-zA-Z0-9 :_@/+=.-][a-zA-Z0-9 :_@/+=.!-]{0,511}\z`)

// filters keep the answer small. They let more through than is meant: AWS takes texts for prefixes, and does not pair the keys of tags with
// their values. So one tag is looked for; the others are only compared.
func filters(read plan.Read) []types.Filter {
	var all []types.Filter
	add := func(key types.FilterNameStringType, text string) {
		if filterable.MatchString(text) {
			all = append(all, types.Filter{Key: key, Values: []string{text}})
		}
	}
	add(types.FilterNameStringTypeName, read.Key)
	if tags := read.Tags.Texts(); len(tags) > 0 {
		key, value, _ := strings.Cut(tags[0], "=")
		add(types.FilterNameStringTypeTagKey, key)
		add(types.FilterNameStringTypeTagValue, value)
	}
	return all
}

// isMeant reports whether a secret's name begins with the key, and it has all tags.
func isMeant(read plan.Read, secret *types.SecretListEntry) bool {
	if !strings.HasPrefix(aws.ToString(secret.Name), read.Key) || aws.ToString(secret.Name) == "" || aws.ToString(secret.ARN) == "" {
		return false
	}
	for _, tag := range read.Tags.Texts() {
		key, value, _ := strings.Cut(tag, "=")
		if !slices.ContainsFunc(secret.Tags, func(t types.Tag) bool { return aws.ToString(t.Key) == key && aws.ToString(t.Value) == value }) {
			return false
		}
	}
	return true
}

// values reads the secrets in batches, in their order.
func values(
	ctx context.Context, client *secretsmanager.Client, as func(*secretsmanager.Options), meant []types.SecretListEntry,
) ([]driver.Value, error) {
	batches := slices.Collect(slices.Chunk(meant, maxBatch))
	read := make([][]driver.Value, len(batches))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, batch := range batches {
		group.Go(func() (err error) {
			read[i], err = valuesOf(ctx, client, as, batch)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	size := 0
	all := slices.Concat(read...)
	for i := range all {
		if size += len(all[i].Data); size > maxWalk {
			return nil, errTooMuch
		}
	}
	return all, nil
}

// valuesOf reads a batch of secrets. One that was deleted since it was listed, or has no value, is left out.
func valuesOf(
	ctx context.Context, client *secretsmanager.Client, as func(*secretsmanager.Options), batch []types.SecretListEntry,
) ([]driver.Value, error) {
	ids := make([]string, len(batch))
	for i := range batch {
		ids[i] = aws.ToString(batch[i].ARN) // of which there is one, even where another account shares a secret of this name
	}
	answer, err := batchOf(ctx, client, as, ids)
	if err != nil {
		return nil, err
	}
	var all []driver.Value
	for i := range batch {
		name := aws.ToString(batch[i].Name)
		result := answer.named(ids[i], name)
		switch {
		case result.Err == nil:
			result.Value.Name = name
			all = append(all, result.Value)
		case awserror.Classify(result.Err) == driver.NotFound:
		case errors.Is(result.Err, driver.ErrNotAnswered):
			return nil, driver.ErrOther
		default:
			return nil, failed(driver.Word(name), result.Err)
		}
	}
	return all, nil
}

// failed is an error of one secret of many, with its name: AWS's own words may not have it.
func failed(name string, err error) error {
	if item, ok := errors.AsType[*awserror.ItemError](err); ok {
		return &awserror.ItemError{Code: item.Code, Message: name + ": " + item.Message}
	}
	return fmt.Errorf("%s: %w", name, err)
}
