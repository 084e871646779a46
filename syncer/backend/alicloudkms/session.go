package alicloudkms

import (
	"context"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"

	"github.com/secretgate/secretgate/syncer/backend/alicloudkms/rpc"
	"github.com/secretgate/secretgate/syncer/backend/session"
)

const (
	// sessionName is what the audit log calls us, as AWS's does.
	sessionName = "k8s-external-secrets"
	// sessionTime is what every role allows.
	sessionTime = time.Hour
	// renewBefore is how long before its end a session makes way for a new one.
	renewBefore = 5 * time.Minute
)

// sessionError says that the role could not be assumed.
type sessionError struct{ err error }

func (e *sessionError) Error() string { return "no session: " + e.err.Error() }
func (e *sessionError) Unwrap() error { return e.err }

// do makes a call with the key of a role's session, or without a role with the syncer's own. A session that KMS says has
// ended is begun anew, and the call made once more.
func (d *Driver) do(ctx context.Context, role string, call func(rpc.Key) error) error {
	switch {
	case d.own.ID == "" || d.own.Secret == "":
		return errNoKey
	case role == "":
		return call(d.own)
	}
	return d.roles.Do(ctx, role, func(k rpc.Key) (refused bool, err error) {
		err = call(k)
		return rpc.Ended(err, k), err
	})
}

// assume is https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerole.
func (d *Driver) assume(ctx context.Context, role string, _ session.Session[rpc.Key]) (begun session.Session[rpc.Key], err error) {
	request, answer := sts.CreateAssumeRoleRequest(), sts.CreateAssumeRoleResponse()
	request.RoleArn, request.RoleSessionName = role, sessionName
	request.DurationSeconds = requests.NewInteger(int(sessionTime / time.Second))
	asked := d.now()
	if err := d.caller.Call(ctx, d.sts, d.own, request, answer); err != nil {
		return begun, &sessionError{err}
	}
	c := answer.Credentials
	if c.AccessKeyId == "" || c.AccessKeySecret == "" || c.SecurityToken == "" {
		return begun, &sessionError{rpc.ErrGarbage}
	}
	key := rpc.Key{ID: c.AccessKeyId, Secret: c.AccessKeySecret, Token: c.SecurityToken}
	// By our own clock, which may not be theirs: the time that was asked for is the time that is given.
	return session.Until(key, asked, asked.Add(sessionTime), renewBefore), nil
}
