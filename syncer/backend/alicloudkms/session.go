package alicloudkms

import (
	"context"
	"errors"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/alicloudkms/rpc"
	"github.com/secretgate/secretgate/syncer/backend/credential"
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
	// keyLife is for how long an access key is used before its Secret is read anew: it may hold another one, though this still works.
	keyLife = 10 * time.Minute
)

// keyID is the form of ids of access keys, of any length. An id of another form may be a secret, which belongs in no URL.
var keyID = regexp.MustCompile(`\A[A-Za-z0-9.]{1,128}\z`)

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

// sessionError says that a role could not be assumed, or what its credential lacks: by the pod's token the syncer's own, else that of the
// read. role and by are set where a Store has a credential of its own.
type sessionError struct {
	err      error
	byToken  bool
	role, by string
}

func (e *sessionError) Error() string {
	if e.role == "" {
		return "no session: " + e.err.Error()
	}
	return "no session of " + e.role + ": " + e.err.Error()
}

func (e *sessionError) Unwrap() error { return e.err }

// do makes a call as an identity. A session that Alibaba Cloud says has ended is begun anew, and the call made once more.
func (d *Driver) do(ctx context.Context, id identity, call func(rpc.Key) error) error {
	ofCluster := id.credential.OfCluster()
	switch {
	case ofCluster:
	case id.isPod() && d.oidc.TokenFile == "":
		return errNoToken
	case id.isPod():
	case d.own == rpc.Key{} && d.oidc.TokenFile == "", (d.own.ID == "") != (d.own.Secret == ""):
		return errNoKey
	case id.role == "" && d.own.ID != "":
		return call(d.own)
	}
	return d.sessions.Do(ctx, id, func(k rpc.Key) (refused bool, err error) {
		err = call(k)
		return id.refused(err, k), err
	})
}

// obtain opens the session of an identity, or reads its access key.
func (d *Driver) obtain(ctx context.Context, id identity, _ session.Session[rpc.Key]) (begun session.Session[rpc.Key], err error) {
	asked := d.now()
	if id.isKey() && id.role == "" {
		key, err := d.keyOf(ctx, id)
		if err != nil {
			return begun, &sessionError{err: err}
		}
		return session.Until(key, asked, asked.Add(keyLife), time.Minute), nil
	}
	assume := d.assume
	switch {
	case id.isAccount():
		assume = d.assumeByAccount
	case id.role == "", id.isPod():
		assume = d.assumeByToken
	}
	c, err := assume(ctx, id)
	if _, already := errors.AsType[*sessionError](err); already { // of the identity that would assume the role
		return begun, err
	}
	if err == nil && (c.AccessKeyId == "" || c.AccessKeySecret == "" || c.SecurityToken == "") {
		err = rpc.ErrGarbage
	}
	if err != nil {
		failed := &sessionError{err: err, byToken: id == identity{} || id.isPod()}
		if id.credential.OfCluster() {
			failed.role, failed.by = id.role, driver.Proof(id.credential)
		}
		return begun, failed
	}
	key := rpc.Key{ID: c.AccessKeyId, Secret: c.AccessKeySecret, Token: c.SecurityToken}
	// By our own clock, which may not be theirs: the time that was asked for is the time that is given.
	return session.Until(key, asked, asked.Add(sessionTime), renewBefore), nil
}

// keyOf reads an access key of the cluster's.
func (d *Driver) keyOf(ctx context.Context, id identity) (key rpc.Key, err error) {
	if key.ID, err = d.credential(ctx, id.identifier); err != nil {
		return rpc.Key{}, err
	}
	if !keyID.MatchString(key.ID) {
		return rpc.Key{}, errKeyID
	}
	key.Secret, err = d.credential(ctx, id.credential)
	return key, err
}

// credential gets what the cluster keeps.
func (d *Driver) credential(ctx context.Context, of plan.Credential) (string, error) {
	if d.credentials == nil {
		return "", errNoCredentials
	}
	return d.credentials(ctx, of)
}

// assume is https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerole.
func (d *Driver) assume(ctx context.Context, id identity) (sts.Credentials, error) {
	var answer *sts.AssumeRoleResponse
	err := d.do(ctx, id.by(), func(by rpc.Key) error {
		request := sts.CreateAssumeRoleRequest()
		request.RoleArn, request.RoleSessionName = id.role, sessionName
		request.DurationSeconds = requests.NewInteger(int(sessionTime / time.Second))
		answer = sts.CreateAssumeRoleResponse()
		return d.caller.Call(ctx, d.sts, by, request, answer)
	})
	if err != nil {
		return sts.Credentials{}, err
	}
	return answer.Credentials, nil
}

// assumeByToken begins the session of a role by the pod's own token: the syncer's role, or that of a Store that names its provider, too.
func (d *Driver) assumeByToken(ctx context.Context, id identity) (sts.Credentials, error) {
	role, provider := d.oidc.RoleARN, d.oidc.ProviderARN
	if id.isPod() {
		role, provider = id.role, id.provider
	}
	if role == "" || provider == "" {
		return sts.Credentials{}, errHalfOIDC
	}
	token, err := os.ReadFile(d.oidc.TokenFile)
	if err != nil {
		return sts.Credentials{}, errNoToken
	}
	return d.withToken(ctx, role, provider, strings.TrimSpace(string(token)))
}

// assumeByAccount begins the session of a ServiceAccount's role. Nothing is sent if that is not the role which was judged.
func (d *Driver) assumeByAccount(ctx context.Context, id identity) (sts.Credentials, error) {
	if id.roleFrom != (plan.Credential{}) {
		if err := credential.Source(d.credential).Unchanged(ctx, id.roleFrom, id.role); err != nil {
			return sts.Credentials{}, &sessionError{err: err}
		}
	}
	token, err := d.credential(ctx, id.credential)
	if err != nil {
		return sts.Credentials{}, &sessionError{err: err}
	}
	return d.withToken(ctx, id.role, id.provider, token)
}

// withToken is https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerolewithoidc.
func (d *Driver) withToken(ctx context.Context, role, provider, token string) (sts.Credentials, error) {
	answer := sts.CreateAssumeRoleWithOIDCResponse()
	err := d.caller.CallUnsigned(ctx, d.sts, "2015-04-01", "AssumeRoleWithOIDC", url.Values{
		"OIDCProviderArn": {provider}, "RoleArn": {role}, "RoleSessionName": {sessionName},
		"OIDCToken": {token}, "DurationSeconds": {strconv.Itoa(int(sessionTime / time.Second))},
	}, answer)
	return answer.Credentials, err
}
