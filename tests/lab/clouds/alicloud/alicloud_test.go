package alicloud_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/kms"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"

	"github.com/secretgate/secretgate/tests/lab/clouds"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud"
	store "github.com/secretgate/secretgate/tests/lab/clouds/alicloud/kms"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/ram"
)

// lab is a server on loopback with a clock that a test moves. The SDK's own client speaks to it.
type lab struct {
	*clouds.Server
	t    *testing.T
	host string

	mu    sync.Mutex
	ahead time.Duration
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t}
	l.Server = clouds.New(clouds.Options{Clock: l.clock})
	server := httptest.NewServer(l.Server)
	t.Cleanup(server.Close)
	l.host = strings.TrimPrefix(server.URL, "http://")
	ok(t, l.Alicloud().PutSecrets(alicloud.Region, store.Secret{Name: "dev/db", Text: "planted", VersionID: "001"}))
	return l
}

// clock is the machine's, which the SDK signs with, and the test's part.
func (l *lab) clock() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Add(l.ahead)
}

func (l *lab) advance(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ahead += d
}

// key is what a client signs with.
type key = credentials.StsTokenCredential

func (l *lab) user() *key {
	u := l.Alicloud().LabUser()
	return &key{AccessKeyId: u.AccessKeyID, AccessKeySecret: u.AccessKeySecret}
}

// session is a key of the seed's role.
func (l *lab) session() *key {
	l.t.Helper()
	answer, err := l.assume(l.user(), alicloud.DemoRoleARN, nil)
	ok(l.t, err)
	c := answer.Credentials
	return &key{AccessKeyId: c.AccessKeyId, AccessKeySecret: c.AccessKeySecret, AccessKeyStsToken: c.SecurityToken}
}

// tamper changes requests after they were signed.
type tamper func(*http.Request)

func (f tamper) RoundTrip(r *http.Request) (*http.Response, error) {
	if f != nil {
		f(r)
	}
	return http.DefaultTransport.RoundTrip(r)
}

func (l *lab) get(as *key, name string, change func(*kms.GetSecretValueRequest), on tamper) (*kms.GetSecretValueResponse, error) {
	l.t.Helper()
	client, err := kms.NewClientWithOptions(alicloud.Region, &sdk.Config{Scheme: "http", Transport: on}, as)
	ok(l.t, err)
	request := kms.CreateGetSecretValueRequest()
	request.Domain, request.SecretName = l.host, name
	if change != nil {
		change(request)
	}
	return client.GetSecretValue(request)
}

func (l *lab) assume(as *key, role string, change func(*sts.AssumeRoleRequest)) (*sts.AssumeRoleResponse, error) {
	l.t.Helper()
	client, err := sts.NewClientWithOptions(alicloud.Region, &sdk.Config{Scheme: "http"}, as)
	ok(l.t, err)
	request := sts.CreateAssumeRoleRequest()
	request.Domain, request.RoleArn, request.RoleSessionName = l.host, role, "test"
	if change != nil {
		change(request)
	}
	return client.AssumeRole(request)
}

// wantError checks an error's code.
func wantError(t *testing.T, err error, code string) {
	t.Helper()
	said, isServer := err.(interface{ ErrorCode() string })
	if !isServer || said.ErrorCode() != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// setQuery changes a parameter of the query.
func setQuery(name, value string) tamper {
	return func(r *http.Request) {
		q := r.URL.Query()
		q.Set(name, value)
		r.URL.RawQuery = q.Encode()
	}
}

func TestCallsThatAreNotProvedAreRefused(t *testing.T) {
	l := newLab(t)
	user, session := l.user(), l.session()
	inactive, err := l.Alicloud().RAM().PutUser(ram.User{ARN: "acs:ram::1234567890123456:user/former", Inactive: true})
	ok(t, err)
	with := func(id, secret, token string) *key {
		return &key{AccessKeyId: id, AccessKeySecret: secret, AccessKeyStsToken: token}
	}
	for name, tc := range map[string]struct {
		key    *key
		tamper tamper
		code   string
	}{
		"an unknown access key":               {key: with("LTAIunknown", user.AccessKeySecret, ""), code: "InvalidAccessKeyId.NotFound"},
		"a wrong secret":                      {key: with(user.AccessKeyId, "wrong", ""), code: "SignatureDoesNotMatch"},
		"a disabled access key":               {key: with(inactive.AccessKeyID, inactive.AccessKeySecret, ""), code: "InvalidAccessKeyId.Inactive"},
		"a token with a permanent key":        {key: with(user.AccessKeyId, user.AccessKeySecret, "token"), code: "InvalidSecurityToken.Malformed"},
		"a temporary key without its token":   {key: with(session.AccessKeyId, session.AccessKeySecret, ""), code: "MissingSecurityToken"},
		"a temporary key with a false token":  {key: with(session.AccessKeyId, session.AccessKeySecret, "x"), code: "InvalidSecurityToken.MismatchWithAccessKey"},
		"no access key":                       {tamper: setQuery("AccessKeyId", ""), code: "MissingAccessKeyId"},
		"no signature":                        {tamper: setQuery("Signature", ""), code: "MissingParameter"},
		"no nonce":                            {tamper: setQuery("SignatureNonce", ""), code: "MissingParameter"},
		"another nonce than was signed":       {tamper: setQuery("SignatureNonce", "x"), code: "SignatureDoesNotMatch"},
		"another method of signing":           {tamper: setQuery("SignatureMethod", "HMAC-MD5"), code: "InvalidSignatureMethod"},
		"no time":                             {tamper: setQuery("Timestamp", ""), code: "IllegalTimestamp"},
		"a time of no form":                   {tamper: setQuery("Timestamp", "now"), code: "InvalidTimeStamp.Format"},
		"another time than was signed":        {tamper: setQuery("Timestamp", time.Now().UTC().Add(-time.Minute).Format("2006-01-02T15:04:05Z")), code: "SignatureDoesNotMatch"},
		"another secret than was signed":      {tamper: setQuery("SecretName", "dev/other"), code: "SignatureDoesNotMatch"},
		"another region than was signed":      {tamper: setQuery("RegionId", "cn-hangzhou"), code: "SignatureDoesNotMatch"},
		"a parameter that was not signed":     {tamper: setQuery("VersionStage", "ACSPrevious"), code: "SignatureDoesNotMatch"},
		"a parameter that is there twice":     {tamper: func(r *http.Request) { r.URL.RawQuery += "&SecretName=dev/db" }, code: "InvalidParameter"},
		"another HTTP method than was signed": {tamper: func(r *http.Request) { r.Method = http.MethodGet }, code: "SignatureDoesNotMatch"},
	} {
		t.Run(name, func(t *testing.T) {
			as := tc.key
			if as == nil {
				as = user
			}
			_, err := l.get(as, "dev/db", nil, tc.tamper)
			wantError(t, err, tc.code)
		})
	}
	if _, err := l.get(user, "dev/db", nil, nil); err != nil {
		t.Errorf("without any of it: %v", err)
	}
}

func TestRequestsAreTakenOnceAndInTime(t *testing.T) {
	l := newLab(t)
	var sent *url.URL
	_, err := l.get(l.user(), "dev/db", nil, func(r *http.Request) { sent = r.URL })
	ok(t, err)
	again := func(r *http.Request) { r.URL = sent }
	_, err = l.get(l.user(), "dev/db", nil, again)
	wantError(t, err, "SignatureNonceUsed")
	l.advance(16 * time.Minute)
	_, err = l.get(l.user(), "dev/db", nil, again)
	wantError(t, err, "InvalidTimeStamp.Expired")
	l.advance(-32 * time.Minute)
	_, err = l.get(l.user(), "dev/db", nil, nil)
	wantError(t, err, "InvalidTimeStamp.Expired")
}

func TestSessionsThatAreOverAreRefused(t *testing.T) {
	l := newLab(t)
	session := l.session()
	_, err := l.get(session, "dev/db", nil, nil)
	ok(t, err)
	l.Alicloud().ExpireSessions()
	_, err = l.get(session, "dev/db", nil, nil)
	wantError(t, err, "InvalidSecurityToken.Expired")
}

func TestRegionsAndEndpointsAreApart(t *testing.T) {
	l := newLab(t)
	ok(t, l.Alicloud().PutSecrets("cn-hangzhou", store.Secret{Name: "dev/china", Text: "planted"}))
	host := func(name string) func(*kms.GetSecretValueRequest) {
		return func(r *kms.GetSecretValueRequest) { r.Headers["Host"] = name }
	}
	region := func(name string) func(*kms.GetSecretValueRequest) {
		return func(r *kms.GetSecretValueRequest) { r.QueryParams["RegionId"] = name }
	}
	for name, tc := range map[string]struct {
		secret string
		change func(*kms.GetSecretValueRequest)
		code   string
	}{
		"the region's host":                        {"dev/db", host("kms.eu-central-1.aliyuncs.com"), ""},
		"the region's host in a VPC":               {"dev/db", host("kms-vpc.eu-central-1.aliyuncs.com"), ""},
		"another region":                           {"dev/china", region("cn-hangzhou"), ""},
		"a secret of another region":               {"dev/china", nil, "Forbidden.ResourceNotFound"},
		"another region than the host's":           {"dev/db", host("kms.cn-hangzhou.aliyuncs.com"), "InvalidRegionId.NotFound"},
		"a region that is none":                    {"dev/db", region("nowhere"), "InvalidRegionId.NotFound"},
		"the host of another service":              {"dev/db", host("sts.aliyuncs.com"), "InvalidAction.NotFound"},
		"a host of a service that is not emulated": {"dev/db", host("ecs.eu-central-1.aliyuncs.com"), "InvalidAction.NotFound"},
		"a version that is none":                   {"dev/db", func(r *kms.GetSecretValueRequest) { r.SetVersion("2020-01-01") }, "InvalidVersion"},
		"an operation that is not emulated": {"dev/db", func(r *kms.GetSecretValueRequest) {
			r.InitWithApiInfo("Kms", "2016-01-20", "ListSecrets", "", "")
			r.Domain, r.Method = l.host, requests.POST
		}, "InvalidAction.NotFound"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := l.get(l.user(), tc.secret, tc.change, nil)
			if tc.code == "" {
				ok(t, err)
				return
			}
			wantError(t, err, tc.code)
		})
	}
}
