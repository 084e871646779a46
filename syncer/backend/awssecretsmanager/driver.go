// Package awssecretsmanager reads AWS Secrets Manager.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
package awssecretsmanager

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
	"github.com/secretgate/secretgate/syncer/backend/awssession"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Config of the driver.
type Config struct {
	// Sessions hands out credentials; those of several AWS drivers are shared.
	Sessions *awssession.Sessions
	// Endpoint replaces AWS's; a URL. AWS_SM_ENDPOINT, or with LOCALSTACK set LOCALSTACK_SM_URL (default awssession.LocalStackURL).
	Endpoint string
}

// Driver reads AWS Secrets Manager.
type Driver struct {
	sessions *awssession.Sessions
	clients  awssession.Clients[secretsmanager.Client]
}

// New makes a driver. Without Sessions it makes its own, of awssession's zero Config.
func New(config Config) (*Driver, error) {
	if config.Sessions == nil {
		sessions, err := awssession.New(awssession.Config{})
		if err != nil {
			return nil, err
		}
		config.Sessions = sessions
	}
	d := &Driver{sessions: config.Sessions}
	d.clients.Make = func(region string) *secretsmanager.Client {
		return secretsmanager.NewFromConfig(config.Sessions.AWS(region), func(o *secretsmanager.Options) {
			if config.Endpoint != "" {
				o.BaseEndpoint = &config.Endpoint
			}
		})
	}
	return d, nil
}

// Get reads the version that VersionID or VersionStage names.
func (d *Driver) Get(ctx context.Context, store plan.Store, read plan.Read) (driver.Value, error) {
	input := &secretsmanager.GetSecretValueInput{SecretId: &read.Key}
	if read.VersionID != "" {
		input.VersionId = &read.VersionID
	} else if read.VersionStage != "" {
		input.VersionStage = &read.VersionStage
	}
	var output *secretsmanager.GetSecretValueOutput
	err := d.sessions.Do(ctx, store, func(credentials aws.CredentialsProvider) (err error) {
		output, err = d.clients.For(store.Location).GetSecretValue(ctx, input, func(o *secretsmanager.Options) { o.Credentials = credentials })
		return err
	})
	if err != nil {
		return driver.Value{}, err
	}
	if !isAnswer(read, output) {
		return driver.Value{}, driver.ErrOther
	}
	return value(output.VersionId, output.SecretString, output.SecretBinary)
}

// isAnswer reports whether an answer names what was asked for, as far as it names anything.
func isAnswer(read plan.Read, output *secretsmanager.GetSecretValueOutput) bool {
	name, arn := aws.ToString(output.Name), aws.ToString(output.ARN)
	switch {
	case name+arn != "" && !isNamed(read.Key, name, arn):
		return false
	case read.VersionID != "":
		return output.VersionId == nil || *output.VersionId == read.VersionID
	}
	return read.VersionStage == "" || len(output.VersionStages) == 0 || slices.Contains(output.VersionStages, read.VersionStage)
}

// isNamed reports whether an id is a secret's: its name, its ARN, or its ARN without the random end.
func isNamed(id, name, arn string) bool {
	return id == name || id == arn || strings.HasPrefix(id, "arn:") && id == withoutSuffix(arn)
}

// Forget implements driver.Forgetter. A Store of another AWS driver with the same credential begins its sessions anew, too.
func (d *Driver) Forget(store plan.Store) { d.sessions.Forget(store) }

// Classify implements driver.Driver.
func (d *Driver) Classify(err error) driver.Kind { return awserror.Classify(err) }

// Explain is AWS's answer without the SDK's words around it.
func (d *Driver) Explain(err error) string { return awserror.Explain(err) }

func value(version, text *string, binary []byte) (driver.Value, error) {
	v := driver.Value{Version: aws.ToString(version)}
	switch {
	case text != nil:
		v.Data = []byte(*text)
	case binary != nil:
		v.Data, v.Bytes = binary, true
	default:
		return driver.Value{}, driver.ErrNoValue
	}
	return v, nil
}
