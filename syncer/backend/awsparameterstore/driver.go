// Package awsparameterstore reads the Parameter Store of AWS Systems Manager.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
package awsparameterstore

import (
	"context"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
	"github.com/secretgate/secretgate/syncer/backend/awssession"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Config of the driver.
type Config struct {
	// Sessions hands out credentials; those of several AWS drivers are shared.
	Sessions *awssession.Sessions
	// Endpoint replaces AWS's; a URL. AWS_SSM_ENDPOINT, or with LOCALSTACK set LOCALSTACK_SSM_URL (default awssession.LocalStackURL).
	Endpoint string
}

// Driver reads Parameter Store.
type Driver struct {
	sessions *awssession.Sessions
	clients  awssession.Clients[ssm.Client]
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
	d.clients.Make = func(region string) *ssm.Client {
		return ssm.NewFromConfig(config.Sessions.AWS(region), func(o *ssm.Options) {
			if config.Endpoint != "" {
				o.BaseEndpoint = &config.Endpoint
			}
		})
	}
	return d, nil
}

// selectorForm takes the version or label off a name or an ARN, in which colons stand, too.
var selectorForm = regexp.MustCompile(`\A((?:arn:[^/]+:parameter)?[^:]+):([^:]+)\z`)

// id is what AWS is asked for: a name or an ARN, either with :version or :label after it. The Version of a read is of both kinds.
func id(read plan.Read) string {
	if read.Version == "" {
		return read.Key
	}
	return read.Key + ":" + read.Version
}

// Get reads a parameter. The value of a SecureString is decrypted;
// that of a StringList is its text, with commas.
func (d *Driver) Get(ctx context.Context, store plan.Store, read plan.Read) (driver.Value, error) {
	asked := id(read)
	input := &ssm.GetParameterInput{Name: &asked, WithDecryption: aws.Bool(true)}
	var output *ssm.GetParameterOutput
	err := d.do(ctx, store, func(client *ssm.Client, as func(*ssm.Options)) (err error) {
		output, err = client.GetParameter(ctx, input, as)
		return err
	})
	if err != nil {
		return driver.Value{}, err
	}
	if output.Parameter != nil && !isAnswer(asked, output.Parameter) {
		return driver.Value{}, driver.ErrOther
	}
	return value(output.Parameter)
}

// isAnswer reports whether a parameter is the requested one, as far as it is named. A selector may be separate
// from the name, or not at all.
func isAnswer(key string, parameter *types.Parameter) bool {
	name, arn := aws.ToString(parameter.Name), aws.ToString(parameter.ARN)
	if name+arn == "" {
		return true
	}
	asked, version := key, ""
	if selected := selectorForm.FindStringSubmatch(key); selected != nil {
		asked, version = selected[1], selected[2]
	}
	number, err := strconv.ParseInt(version, 10, 64)
	told := selector(parameter)
	if told != "" && told != ":"+version || err == nil && parameter.Version != 0 && parameter.Version != number {
		return false
	}
	return key == name || asked == arn || strings.TrimPrefix(asked, "/") == strings.TrimPrefix(name, "/")
}

// Forget implements driver.Forgetter. A Store of another AWS driver with the same credential begins its sessions anew, too.
func (d *Driver) Forget(store plan.Store) { d.sessions.Forget(store) }

// Classify implements driver.Driver.
func (d *Driver) Classify(err error) driver.Kind { return awserror.Classify(err) }

// Explain is AWS's answer without the SDK's words around it.
func (d *Driver) Explain(err error) string { return awserror.Explain(err) }

func value(parameter *types.Parameter) (driver.Value, error) {
	if parameter == nil || parameter.Value == nil {
		return driver.Value{}, driver.ErrNoValue
	}
	v := driver.Value{Data: []byte(*parameter.Value)}
	if parameter.Version != 0 { // a reference to Secrets Manager has none
		v.Version = strconv.FormatInt(parameter.Version, 10)
	}
	return v, nil
}

// do makes a call with the client of the store's region and the credentials of its identity.
func (d *Driver) do(ctx context.Context, store plan.Store, call func(client *ssm.Client, as func(*ssm.Options)) error) error {
	return d.sessions.Do(ctx, store, func(credentials aws.CredentialsProvider) error {
		return call(d.clients.For(store.Location), func(o *ssm.Options) { o.Credentials = credentials })
	})
}
