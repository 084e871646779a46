package alicloudkms

import (
	"context"
	"errors"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"

	"github.com/secretgate/secretgate/syncer/backend/alicloudkms/rpc"
	"github.com/secretgate/secretgate/syncer/backend/driver"
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

// OIDC is how ACK lets a ServiceAccount be a role, which it calls RRSA: the pod's token proves who it is.
// https://www.alibabacloud.com/help/doc-detail/356611.html
type OIDC struct {
	// RoleARN is the role. ALIBABA_CLOUD_ROLE_ARN.
	RoleARN string
	// ProviderARN is the cluster, as RAM knows it. ALIBABA_CLOUD_OIDC_PROVIDER_ARN.
	ProviderARN string
	// TokenFile is read anew for each session. ALIBABA_CLOUD_OIDC_TOKEN_FILE; empty: there is no such identity.
	TokenFile string
}

var (
	errNoKey = &driver.Error{
		Kind: driver.Unauthenticated, Problem: "the syncer has no access key, and no role for its service account",
		Hint: "set ALICLOUD_ACCESS_KEY_ID and ALICLOUD_ACCESS_KEY_SECRET for the syncer, or give its service account a role (RRSA)",
	}
	errHalfOIDC = &driver.Error{
		Kind: driver.Unauthenticated, Problem: "ALIBABA_CLOUD_OIDC_TOKEN_FILE is set, but not what goes with it",
		Hint: "set ALIBABA_CLOUD_ROLE_ARN and ALIBABA_CLOUD_OIDC_PROVIDER_ARN for the syncer",
	}
	errNoToken = &driver.Error{
		Kind: driver.Unauthenticated, Problem: "the service-account token cannot be read",
		Hint: "mount it where ALIBABA_CLOUD_OIDC_TOKEN_FILE says",
	}
)

// sessionError says that a role could not be assumed: by the pod's token the syncer's own, else that of the read.
type sessionError struct {
	err     error
	byToken bool
}

func (e *sessionError) Error() string { return "no session: " + e.err.Error() }
func (e *sessionError) Unwrap() error { return e.err }

// do makes a call as a role or, without one, as the syncer itself. A session that Alibaba Cloud says has ended is begun anew,
// and the call made once more.
func (d *Driver) do(ctx context.Context, role string, call func(rpc.Key) error) error {
	switch {
	case d.own == rpc.Key{} && d.oidc.TokenFile == "", (d.own.ID == "") != (d.own.Secret == ""):
		return errNoKey
	case role == "" && d.own.ID != "":
		return call(d.own)
	}
	return d.sessions.Do(ctx, role, func(k rpc.Key) (refused bool, err error) {
		err = call(k)
		return rpc.Ended(err, k), err
	})
}

// obtain opens the session of a role or, without one, that of the syncer's service account.
func (d *Driver) obtain(ctx context.Context, role string, _ session.Session[rpc.Key]) (begun session.Session[rpc.Key], err error) {
	asked, assume := d.now(), d.assume
	if role == "" {
		assume = d.assumeByToken
	}
	c, err := assume(ctx, role)
	if _, already := errors.AsType[*sessionError](err); already { // of the service account, which would assume the role
		return begun, err
	}
	if err == nil && (c.AccessKeyId == "" || c.AccessKeySecret == "" || c.SecurityToken == "") {
		err = rpc.ErrGarbage
	}
	if err != nil {
		return begun, &sessionError{err: err, byToken: role == ""}
	}
	key := rpc.Key{ID: c.AccessKeyId, Secret: c.AccessKeySecret, Token: c.SecurityToken}
	// By our own clock, which may not be theirs: the time that was asked for is the time that is given.
	return session.Until(key, asked, asked.Add(sessionTime), renewBefore), nil
}

// assume is https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerole.
func (d *Driver) assume(ctx context.Context, role string) (sts.Credentials, error) {
	var answer *sts.AssumeRoleResponse
	err := d.do(ctx, "", func(own rpc.Key) error {
		request := sts.CreateAssumeRoleRequest()
		request.RoleArn, request.RoleSessionName = role, sessionName
		request.DurationSeconds = requests.NewInteger(int(sessionTime / time.Second))
		answer = sts.CreateAssumeRoleResponse()
		return d.caller.Call(ctx, d.sts, own, request, answer)
	})
	if err != nil {
		return sts.Credentials{}, err
	}
	return answer.Credentials, nil
}

// assumeByToken is https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerolewithoidc.
func (d *Driver) assumeByToken(ctx context.Context, _ string) (sts.Credentials, error) {
	if d.oidc.RoleARN == "" || d.oidc.ProviderARN == "" {
		return sts.Credentials{}, errHalfOIDC
	}
	token, err := os.ReadFile(d.oidc.TokenFile)
	if err != nil {
		return sts.Credentials{}, errNoToken
	}
	answer := sts.CreateAssumeRoleWithOIDCResponse()
	err = d.caller.CallUnsigned(ctx, d.sts, "2015-04-01", "AssumeRoleWithOIDC", url.Values{
		"OIDCProviderArn": {d.oidc.ProviderARN}, "RoleArn": {d.oidc.RoleARN}, "RoleSessionName": {sessionName},
		"OIDCToken": {strings.TrimSpace(string(token))}, "DurationSeconds": {strconv.Itoa(int(sessionTime / time.Second))},
	}, answer)
	return answer.Credentials, err
}
