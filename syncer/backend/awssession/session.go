// Package awssession is what the drivers of AWS share: configuration, and one session of credentials per identity.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
package awssession

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
	"github.com/secretgate/secretgate/syncer/backend/credential"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/session"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

const (
	globalSTS       = "https://sts.amazonaws.com"
	globalSTSRegion = "us-east-1"

	// maxSessions is more than there are objects, each of which may have a session of its own. One takes some 2 KiB.
	maxSessions = 1 << 14

	// LocalStackURL is where LocalStack listens by default.
	LocalStackURL = "http://localhost:4566"
)

// Config of all AWS backends. The zero value is the SDK's own: its chain of credentials (environment, shared files, web
// identity, pod identity, instance), the proxy of HTTPS_PROXY and NO_PROXY, and the CAs of AWS_CA_BUNDLE.
type Config struct {
	// Region is whose STS is asked; empty: the region of the read. AWS_REGION, else AWS_DEFAULT_REGION.
	Region string
	// IntermediateRoleARN is assumed before anything else is. AWS_INTERMEDIATE_ROLE_ARN.
	IntermediateRoleARN string
	// STSEndpoint replaces AWS's STS; a URL. AWS_STS_ENDPOINT, or with LOCALSTACK set LOCALSTACK_STS_URL (default LocalStackURL).
	STSEndpoint string
	// STSEndpointType is regional (also if empty) or legacy: sts.amazonaws.com for all regions. AWS_STS_ENDPOINT_TYPE.
	STSEndpointType string
	// ExtraCACerts is a PEM file of CAs to trust beside the system's. NODE_EXTRA_CA_CERTS.
	ExtraCACerts string
	// Credentials gets what Stores refer to in the cluster; nil: they may refer to nothing there.
	Credentials credential.Source
	// Log gets the SDK's own log lines, at debug; nil: nothing does.
	Log *slog.Logger
	// Timeout of one HTTP request, and of beginning a session, which goes on when its first caller gives up; 0 means 10 s.
	Timeout time.Duration
}

// Sessions caches credentials, one session per identity, renewed before it expires, once for all callers that wait.
type Sessions struct {
	config Config
	aws    aws.Config
	sts    Clients[sts.Client]
	imds   *imds.Client // of version 2 alone
	held   *session.Cache[identity, aws.Credentials]
}

// New reads the SDK's configuration; it makes no calls.
func New(c Config) (*Sessions, error) {
	switch c.STSEndpointType {
	case "", "regional", "legacy":
	default:
		return nil, fmt.Errorf("the type of STS endpoint is %q: AWS_STS_ENDPOINT_TYPE must be regional or legacy", c.STSEndpointType)
	}
	client, err := httpClient(c)
	if err != nil {
		return nil, err
	}
	s := &Sessions{config: c}
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(client),
		config.WithAPIOptions([]func(*middleware.Stack) error{bounded}),
		config.WithRegion(c.Region),
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }), // the caller retries
		config.WithWebIdentityRoleCredentialOptions(func(o *stscreds.WebIdentityRoleOptions) { o.Client = webIdentity{s} }),
		config.WithEC2RoleCredentialOptions(func(o *ec2rolecreds.Options) { o.Client = instance{s} }),
		config.WithLogger(logger(c.Log)), config.WithClientLogMode(0),
	}
	// Not a caller's context: it would end the credentials' own requests. Nothing is called here.
	s.aws, err = config.LoadDefaultConfig(context.Background(), options...)
	if err != nil {
		return nil, fmt.Errorf("the AWS configuration (AWS_ variables and shared files) cannot be used: %w", err)
	}
	// Version 1 of the metadata service needs no token: a user who can make the syncer fetch a URL could get its credentials.
	s.imds = imds.NewFromConfig(s.aws, func(o *imds.Options) { o.EnableFallback = aws.FalseTernary })
	s.aws.HTTPClient = sender{s.aws.HTTPClient}
	s.sts.Make = func(region string) *sts.Client { return sts.NewFromConfig(s.aws, c.stsEndpoint(region)) }
	s.held = &session.Cache[identity, aws.Credentials]{
		Obtain: s.obtain, Timeout: c.Timeout, GracePeriod: session.GracePeriod, Max: maxSessions,
	}
	return s, nil
}

func httpClient(c Config) (*awshttp.BuildableClient, error) {
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	roots, err := transport.Roots(c.ExtraCACerts)
	if err != nil {
		return nil, err
	}
	client := awshttp.NewBuildableClient().WithTimeout(c.Timeout).WithTransportOptions(transport.Guard)
	if roots == nil {
		return client, nil
	}
	return client.WithTransportOptions(func(t *http.Transport) {
		if t.TLSClientConfig == nil {
			t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		t.TLSClientConfig.RootCAs = roots
	}), nil
}

// AWS is the configuration to make a service's client with, for a region. Credentials come with each call of Do.
func (s *Sessions) AWS(region string) aws.Config {
	c := s.aws.Copy()
	c.Region = region
	return c
}

// Do makes a call with the credentials of the store's identity. Where the backend says that they ended before
// their time, they are renewed and the call is made once more.
func (s *Sessions) Do(ctx context.Context, store plan.Store, call func(aws.CredentialsProvider) error) error {
	if err := checkStore(store); err != nil {
		return err
	}
	if store.Location == "" {
		return awserror.ErrNoRegion
	}
	id, err := s.identity(store)
	if err != nil {
		return err
	}
	err = s.held.Do(ctx, id, func(used aws.Credentials) (refused bool, err error) {
		err = call(static(used))
		return id.refused(err, used), err
	})
	return awserror.Postponed(err)
}

// Forget drops the sessions of a Store with a credential from the cluster: that which reads, and those which it was begun by. Other Stores
// of that credential begin theirs anew. The sessions of the syncer's own identity stay.
func (s *Sessions) Forget(store plan.Store) {
	id, err := s.identity(store)
	if err != nil || !store.Credential.OfCluster() {
		return
	}
	for ; id.role != ""; id = id.by() {
		s.held.Forget(id)
	}
	s.held.Forget(id)
}

// checkStore refuses a Store with what no login to AWS makes use of, or not one by its kind of credential.
func checkStore(store plan.Store) error {
	store.Tenant = plan.Tenant{} // with which sessions are tagged
	login, none := &store.Login, plan.Credential{}
	login.Chain, login.ExternalID, login.Tags, login.Transitive = "", "", "", ""
	switch store.Credential.Kind {
	case plan.SecretCredential:
		login.Identifier, login.Session = none, none
	case plan.AccountCredential:
		login.Account, login.RoleFrom = "", none
	}
	return driver.CheckStore(store, plan.SecretCredential, plan.AccountCredential)
}

// stsEndpoint chooses the STS to ask.
func (c Config) stsEndpoint(region string) func(*sts.Options) {
	return func(o *sts.Options) {
		o.Region = region
		if o.Region == "" {
			o.Region = globalSTSRegion
		}
		switch {
		case c.STSEndpoint != "":
			o.BaseEndpoint = &c.STSEndpoint
		case c.STSEndpointType == "legacy" && hasGlobalSTS(region):
			o.Region, o.BaseEndpoint = globalSTSRegion, aws.String(globalSTS)
		}
	}
}

// hasGlobalSTS is false for the partitions that are apart from the AWS of the world: China, the governments'.
func hasGlobalSTS(region string) bool {
	for _, prefix := range []string{"cn-", "us-gov-", "us-iso", "eu-isoe-", "eusc-"} {
		if strings.HasPrefix(region, prefix) {
			return false
		}
	}
	return true
}
