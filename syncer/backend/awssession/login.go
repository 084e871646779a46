package awssession

import (
	"context"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
	"github.com/secretgate/secretgate/syncer/backend/credential"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// What the cluster keeps for Stores that log in by themselves.

// keyLife is for how long an access key is used before its Secret is read anew: it may hold another one, though AWS still accepts this.
const keyLife = 10 * time.Minute

// keyID is the form of ids (STS API reference, Credentials), of any length. What has another form would be quoted by AWS.
var keyID = regexp.MustCompile(`\A\w{1,128}\z`)

// ofKey reads an access key.
func (s *Sessions) ofKey(ctx context.Context, p proof) (aws.Credentials, error) {
	var key aws.Credentials
	for _, part := range []struct {
		text *string
		from plan.Credential
	}{{&key.AccessKeyID, p.identifier}, {&key.SecretAccessKey, p.credential}, {&key.SessionToken, p.session}} {
		if part.from == (plan.Credential{}) {
			continue // a key that lasts has no session
		}
		var err error
		if *part.text, err = s.credential(ctx, part.from); err != nil {
			return aws.Credentials{}, &awserror.CredentialsError{Err: err}
		}
	}
	if !keyID.MatchString(key.AccessKeyID) {
		return aws.Credentials{}, &awserror.CredentialsError{Err: awserror.ErrKeyID}
	}
	return key, nil
}

// ofAccount begins the session of a ServiceAccount's role. Nothing is sent if that is not the role which was judged.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
func (s *Sessions) ofAccount(ctx context.Context, id identity) (aws.Credentials, error) {
	p := id.proof
	if p.roleFrom != (plan.Credential{}) {
		if err := credential.Source(s.credential).Unchanged(ctx, p.roleFrom, p.account); err != nil {
			return aws.Credentials{}, &awserror.CredentialsError{Err: err}
		}
	}
	token, err := s.credential(ctx, p.credential)
	if err != nil {
		return aws.Credentials{}, &awserror.CredentialsError{Err: err}
	}
	output, err := s.sts.For(id.region).AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: &p.account, RoleSessionName: aws.String(sessionName), WebIdentityToken: &token,
		DurationSeconds: aws.Int32(int32(sessionDuration / time.Second)),
	})
	if err == nil && output.Credentials == nil {
		err = driver.ErrNoValue
	}
	if err != nil {
		return aws.Credentials{}, &awserror.CredentialsError{Err: err, Role: p.account, By: driver.Proof(p.credential)}
	}
	return begun(output.Credentials)
}

// credential gets what the cluster keeps.
func (s *Sessions) credential(ctx context.Context, of plan.Credential) (string, error) {
	if s.config.Credentials == nil {
		return "", awserror.ErrNoCredentials
	}
	return s.config.Credentials(ctx, of)
}

// begun are the credentials of a session that STS has begun.
func begun(c *types.Credentials) (aws.Credentials, error) {
	if c == nil || aws.ToString(c.AccessKeyId) == "" {
		return aws.Credentials{}, &awserror.CredentialsError{Err: driver.ErrNoValue}
	}
	return aws.Credentials{
		AccessKeyID: *c.AccessKeyId, SecretAccessKey: aws.ToString(c.SecretAccessKey), SessionToken: aws.ToString(c.SessionToken),
		CanExpire: true, Expires: aws.ToTime(c.Expiration),
	}, nil
}
