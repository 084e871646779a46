package awssession

import (
	"cmp"
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/session"
)

const (
	// sessionName is KES's: trust policies and CloudTrail queries of its users name it.
	sessionName = "k8s-external-secrets"
	// sessionDuration is what every role allows, and the most that chained roles get.
	sessionDuration = time.Hour
	// renewBefore is how long before their end credentials are renewed.
	renewBefore = time.Minute
)

// identity is a role, the region whose STS is asked for it, and the tenant that its session is tagged with. Without a role it is the
// one that the SDK's chain finds, which cannot be tagged.
type identity struct {
	role, region string
	tenant       plan.Tenant
}

// identity is the one that reads a Store: without a role the intermediate one, if there is one, or the chain's.
func (s *Sessions) identity(store plan.Store) (identity, error) {
	role := cmp.Or(store.Role, s.config.IntermediateRoleARN)
	switch {
	case role != "":
		return identity{role: role, region: cmp.Or(s.config.Region, store.Location), tenant: store.Tenant}, nil
	case store.Tenant != plan.Tenant{}:
		return identity{}, awserror.ErrNoRole
	}
	return identity{}, nil
}

// by is the identity that assumes the role of another. It is not tagged: one session of it does for all tenants.
func (s *Sessions) by(id identity) identity {
	if s.config.IntermediateRoleARN == "" || id.role == s.config.IntermediateRoleARN {
		return identity{}
	}
	return identity{role: s.config.IntermediateRoleARN, region: id.region}
}

// obtain gets the credentials of an identity. The session that assumes its role may have ended before its time, too.
func (s *Sessions) obtain(
	ctx context.Context, id identity, old session.Session[aws.Credentials],
) (begun session.Session[aws.Credentials], err error) {
	now := time.Now()
	var current aws.Credentials
	if id == (identity{}) {
		current, err = s.ofChain(ctx, old)
	} else {
		err = s.held.Do(ctx, s.by(id), func(by aws.Credentials) (refused bool, err error) {
			current, err = s.assume(ctx, id, by)
			return awserror.Expired(err, by), err
		})
	}
	if err != nil {
		return begun, err
	}
	var expires time.Time
	if current.CanExpire {
		expires = current.Expires
	}
	return session.Until(current, now, expires, renewBefore), nil
}

// ofChain asks the SDK's chain, which keeps credentials of its own.
func (s *Sessions) ofChain(ctx context.Context, old session.Session[aws.Credentials]) (aws.Credentials, error) {
	if chain, ok := s.aws.Credentials.(*aws.CredentialsCache); ok && (!old.Value.HasKeys() || !extends(chain)) {
		chain.Invalidate() // they may be those that were refused, and before their end it gives no others
	}
	found, err := s.aws.Credentials.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, &awserror.CredentialsError{Err: err}
	}
	return found, nil
}

// extends reports whether the chain keeps its credentials for longer while their source is down. It does with the
// credentials of an instance, which end later than the SDK says.
func extends(chain *aws.CredentialsCache) bool {
	return chain.IsCredentialsProvider((*ec2rolecreds.Provider)(nil))
}

// webIdentity begins the chain's session where that is a web identity's, at the STS that is asked for everything else.
type webIdentity struct{ *Sessions }

// AssumeRoleWithWebIdentity implements stscreds.AssumeRoleWithWebIdentityAPIClient.
func (w webIdentity) AssumeRoleWithWebIdentity(
	ctx context.Context, input *sts.AssumeRoleWithWebIdentityInput, options ...func(*sts.Options),
) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	return w.sts.For(w.aws.Region).AssumeRoleWithWebIdentity(ctx, input, options...)
}

// instance gets the chain's credentials of a machine, by a client that is made once the chain is.
type instance struct{ *Sessions }

// GetMetadata implements ec2rolecreds.GetMetadataAPIClient.
func (i instance) GetMetadata(
	ctx context.Context, input *imds.GetMetadataInput, options ...func(*imds.Options),
) (*imds.GetMetadataOutput, error) {
	return i.imds.GetMetadata(ctx, input, options...)
}

func (s *Sessions) assume(ctx context.Context, id identity, by aws.Credentials) (aws.Credentials, error) {
	input := &sts.AssumeRoleInput{
		RoleArn: &id.role, RoleSessionName: aws.String(sessionName), DurationSeconds: aws.Int32(int32(sessionDuration / time.Second)),
		Tags: tags(id.tenant),
	}
	output, err := s.sts.For(id.region).AssumeRole(ctx, input, func(o *sts.Options) { o.Credentials = static(by) })
	if err != nil {
		return aws.Credentials{}, &awserror.CredentialsError{Err: err}
	}
	if output.Credentials == nil || aws.ToString(output.Credentials.AccessKeyId) == "" {
		return aws.Credentials{}, &awserror.CredentialsError{Err: driver.ErrNoValue}
	}
	return aws.Credentials{
		AccessKeyID: *output.Credentials.AccessKeyId, SecretAccessKey: aws.ToString(output.Credentials.SecretAccessKey),
		SessionToken: aws.ToString(output.Credentials.SessionToken),
		CanExpire:    true, Expires: aws.ToTime(output.Credentials.Expiration),
	}, nil
}

func static(c aws.Credentials) aws.CredentialsProvider {
	return credentials.StaticCredentialsProvider{Value: c}
}
