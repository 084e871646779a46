package awssecretsmanager

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

// maxBatch is how many ids one BatchGetSecretValue takes.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html
const maxBatch = 20

// maxBytes is more than so many values have, of 64 KiB each.
const maxBytes = 4 << 20

// BatchSize implements driver.Batcher. Batches give current versions alone.
func (d *Driver) BatchSize(read plan.Read) int {
	if read.VersionID != "" || read.VersionStage != "" && read.VersionStage != "AWSCURRENT" {
		return 1
	}
	return maxBatch
}

// GetBatch implements driver.Batcher.
func (d *Driver) GetBatch(ctx context.Context, store plan.Store, reads []plan.Read) ([]driver.Result, error) {
	var all answer
	err := d.sessions.Do(ctx, store, func(credentials aws.CredentialsProvider) (err error) {
		as := func(o *secretsmanager.Options) { o.Credentials = credentials }
		all, err = batchOf(ctx, d.clients.For(store.Location), as, ids(reads)) // a second attempt begins anew
		return err
	})
	if err != nil {
		return nil, err
	}
	results := make([]driver.Result, len(reads))
	for i, read := range reads {
		results[i] = all.of(read.Key)
	}
	return results, nil
}

// batchOf makes the call, for each page of the answer.
func batchOf(ctx context.Context, client *secretsmanager.Client, as func(*secretsmanager.Options), ids []string) (all answer, err error) {
	pages := secretsmanager.NewBatchGetSecretValuePaginator(client, &secretsmanager.BatchGetSecretValueInput{SecretIdList: ids})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx, as)
		if err != nil {
			return answer{}, err
		}
		all.values, all.errors = append(all.values, page.SecretValues...), append(all.errors, page.Errors...)
		if all.isTooLong(len(ids)) {
			return answer{}, transport.ErrTooLong
		}
	}
	return all, nil
}

// ids are the keys, each once.
func ids(reads []plan.Read) []string {
	seen := make(map[string]bool, len(reads))
	var keys []string
	for _, read := range reads {
		if !seen[read.Key] {
			seen[read.Key] = true
			keys = append(keys, read.Key)
		}
	}
	return keys
}

// answer is that to a batch, all pages of it. It comes in no order, and does not say by which id a value was asked for: one
// secret may have been by several.
type answer struct {
	values []types.SecretValueEntry
	errors []types.APIErrorType
}

// isTooLong reports whether an answer of several pages, each of which is bounded, has more than a batch of so many ids can have.
func (a *answer) isTooLong(ids int) bool {
	size := 0
	for i := range a.values {
		size += len(aws.ToString(a.values[i].SecretString)) + len(a.values[i].SecretBinary)
	}
	return len(a.values)+len(a.errors) > 2*ids || size > maxBytes
}

// of finds what the answer says of an id: a name, an ARN, or an ARN without its random end.
func (a *answer) of(id string) driver.Result {
	for i := range a.errors {
		if e := &a.errors[i]; aws.ToString(e.SecretId) == id {
			return driver.Result{Err: &awserror.ItemError{Code: aws.ToString(e.ErrorCode), Message: aws.ToString(e.Message)}}
		}
	}
	var found *types.SecretValueEntry
	for i := range a.values {
		entry := &a.values[i]
		arn := aws.ToString(entry.ARN)
		switch {
		case id == arn:
			return result(entry)
		case isNamed(id, aws.ToString(entry.Name), arn):
			if found != nil && aws.ToString(found.ARN) != arn {
				return driver.Result{Err: driver.ErrNotAnswered} // another account has one of this name, which was asked for by its ARN
			}
			found = entry
		}
	}
	if found == nil {
		return driver.Result{Err: driver.ErrNotAnswered}
	}
	return result(found)
}

// named is of, for an ARN whose secret is known to have a name.
func (a *answer) named(arn, name string) driver.Result {
	for i := range a.values {
		if entry := &a.values[i]; aws.ToString(entry.ARN) == arn && aws.ToString(entry.Name) != name {
			return driver.Result{Err: driver.ErrNotAnswered}
		}
	}
	return a.of(arn)
}

// withoutSuffix takes off the dash and six characters that AWS puts after a secret's name.
func withoutSuffix(arn string) string { return arn[:max(0, len(arn)-7)] }

func result(entry *types.SecretValueEntry) driver.Result {
	v, err := value(entry.VersionId, entry.SecretString, entry.SecretBinary)
	return driver.Result{Value: v, Err: err}
}
