package awssession

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
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

// obtain gets the credentials of an identity. The session that assumes its role may have ended before its time, too.
func (s *Sessions) obtain(
	ctx context.Context, id identity, old session.Session[aws.Credentials],
) (begun session.Session[aws.Credentials], err error) {
	now := time.Now()
	var current aws.Credentials
	switch kind := id.proof.credential.Kind; {
	case id.role != "":
		by := id.by()
		err = s.held.Do(ctx, by, func(used aws.Credentials) (refused bool, err error) {
			current, err = s.assume(ctx, id, used)
			return by.refused(err, used), err
		})
	case kind == plan.SecretCredential:
		current, err = s.ofKey(ctx, id.proof)
	case kind == plan.AccountCredential:
		current, err = s.ofAccount(ctx, id)
	default:
		current, err = s.ofChain(ctx, old)
	}
	if err != nil {
		return begun, err
	}
	var expires time.Time
	switch {
	case current.CanExpire:
		expires = current.Expires
	case id.proof.credential.OfCluster():
		expires = now.Add(keyLife)
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

// assume begins the session of a role.
func (s *Sessions) assume(ctx context.Context, id identity, by aws.Credentials) (aws.Credentials, error) {
	input := &sts.AssumeRoleInput{
		RoleArn: &id.role, RoleSessionName: aws.String(sessionName), DurationSeconds: aws.Int32(int32(sessionDuration / time.Second)),
		Tags: id.sessionTags(), TransitiveTagKeys: id.transitive.Texts(),
	}
	if id.externalID != "" {
		input.ExternalId = &id.externalID
	}
	output, err := s.sts.For(id.region).AssumeRole(ctx, input, func(o *sts.Options) { o.Credentials = static(by) })
	if err != nil {
		failed := &awserror.CredentialsError{Err: err}
		if before := id.by(); before != (identity{}) {
			failed.Role, failed.By = id.role, before.name()
		}
		return aws.Credentials{}, failed
	}
	return begun(output.Credentials)
}

func static(c aws.Credentials) aws.CredentialsProvider {
	return credentials.StaticCredentialsProvider{Value: c}
}
