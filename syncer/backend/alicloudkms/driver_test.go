package alicloudkms

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/alicloudkms/rpc"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

func TestEndpoints(t *testing.T) {
	type found struct{ kms, sts, region string }
	for name, test := range map[string]struct {
		config Config
		want   found
		err    string // part of it
	}{
		"nothing":                    {want: found{"://", "https://sts.aliyuncs.com", ""}},
		"a host, as KES has it":      {config: Config{Endpoint: "kms.eu-central-1.aliyuncs.com"}, want: found{"https://kms.eu-central-1.aliyuncs.com", "https://sts.aliyuncs.com", "eu-central-1"}},
		"a host in a VPC":            {config: Config{Endpoint: "kms-vpc.cn-hangzhou.aliyuncs.com"}, want: found{"https://kms-vpc.cn-hangzhou.aliyuncs.com", "https://sts.aliyuncs.com", "cn-hangzhou"}},
		"a region alone":             {config: Config{Region: "cn-hangzhou"}, want: found{"https://kms.cn-hangzhou.aliyuncs.com", "https://sts.aliyuncs.com", "cn-hangzhou"}},
		"a region of another host":   {config: Config{Endpoint: "kms.eu-central-1.aliyuncs.com", Region: "cn-hangzhou"}, want: found{"https://kms.eu-central-1.aliyuncs.com", "https://sts.aliyuncs.com", "cn-hangzhou"}},
		"URLs":                       {config: Config{Endpoint: "http://127.0.0.1:80/", STSEndpoint: "https://sts.example"}, want: found{"http://127.0.0.1:80", "https://sts.example", ""}},
		"a host of another name":     {config: Config{Endpoint: "kms.example:8443"}, want: found{"https://kms.example:8443", "https://sts.aliyuncs.com", ""}},
		"a URL with a path":          {config: Config{Endpoint: "https://kms.example/x"}, err: "ALICLOUD_ENDPOINT is no endpoint"},
		"a URL with a password":      {config: Config{Endpoint: "https://a:planted@kms.example"}, err: "ALICLOUD_ENDPOINT is no endpoint"},
		"a URL of another scheme":    {config: Config{STSEndpoint: "ftp://sts.example"}, err: "ALICLOUD_STS_ENDPOINT is no endpoint"},
		"a text that is no host":     {config: Config{STSEndpoint: "a b"}, err: "ALICLOUD_STS_ENDPOINT is no endpoint"},
		"a host that is but a query": {config: Config{Endpoint: "kms.example?x=y"}, err: "ALICLOUD_ENDPOINT is no endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := New(test.config)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) || strings.Contains(err.Error(), "planted") {
					t.Errorf("got %v, want that %s", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			at := func(e rpc.Endpoint) string { return e.Scheme + "://" + e.Host }
			if got := (found{at(d.kms), at(d.sts), d.caller.Region}); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestClassify(t *testing.T) {
	said := func(status int, code string) error { return &rpc.ServiceError{Status: status, Code: code} }
	for name, test := range map[string]struct {
		err  error
		want driver.Kind
	}{
		"no such secret":                     {said(404, "Forbidden.ResourceNotFound"), driver.NotFound},
		"no permission for the secret":       {said(403, "Forbidden.NoPermission"), driver.Denied},
		"no permission for its KMS key":      {said(404, "Forbidden.KeyNotFound"), driver.Denied},
		"a KMS key that is disabled":         {said(409, "Rejected.Disabled"), driver.Denied},
		"no permission to assume":            {&sessionError{err: said(403, "NoPermission")}, driver.Denied},
		"a role that does not exist":         {&sessionError{err: said(404, "EntityNotExist.Role")}, driver.Denied},
		"a role of no form":                  {&sessionError{err: said(400, "InvalidParameter.RoleArn")}, driver.Invalid},
		"a parameter of no form":             {said(400, "InvalidParameter"), driver.Invalid},
		"a missing parameter":                {said(400, "MissingParameter"), driver.Invalid},
		"another service's host":             {said(404, "InvalidAction.NotFound"), driver.Invalid},
		"an unknown access key":              {said(404, "InvalidAccessKeyId.NotFound"), driver.Unauthenticated},
		"a disabled access key":              {said(403, "Forbidden.AccessKeyDisabled"), driver.Unauthenticated},
		"a wrong secret":                     {said(400, "SignatureDoesNotMatch"), driver.Unauthenticated},
		"a session that is over":             {said(400, "InvalidSecurityToken.Expired"), driver.Unauthenticated},
		"a clock that is wrong":              {said(400, "InvalidTimeStamp.Expired"), driver.Unauthenticated},
		"a request that was sent twice":      {said(400, "SignatureNonceUsed"), driver.Unavailable},
		"the user's limit":                   {said(400, "Throttling.User"), driver.Throttled},
		"KMS's own limit":                    {said(429, "Rejected.Throttling"), driver.Throttled},
		"a limit of a name not known":        {said(429, "FlowControl"), driver.Throttled},
		"an outage":                          {said(503, "ServiceUnavailableTemporary"), driver.Unavailable},
		"a failure of Alibaba Cloud's":       {said(500, "InternalFailure"), driver.Unavailable},
		"a failure of a name not known":      {said(500, "Oops"), driver.Unavailable},
		"a page that says 404":               {said(404, ""), driver.Unavailable},
		"a page that says 403":               {said(403, ""), driver.Unavailable},
		"no connection":                      {&rpc.TransportError{Err: errors.New("x")}, driver.Unavailable},
		"no connection for a session":        {&sessionError{err: &rpc.TransportError{Err: errors.New("x")}}, driver.Unavailable},
		"an answer that is not theirs":       {rpc.ErrGarbage, driver.Unavailable},
		"an answer without a value":          {driver.ErrNoValue, driver.Unavailable},
		"no access key":                      {errNoKey, driver.Unauthenticated},
		"no endpoint":                        {errNoEndpoint, driver.Invalid},
		"a session that panicked, and so on": {&sessionError{err: errors.New("x")}, driver.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (&Driver{}).Classify(fmt.Errorf("wrapped: %w", test.err)); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestAnswersThatAreAnothersAreRefused(t *testing.T) {
	current := secret{Name: "prod/db", VersionID: "2"}
	current.Stages.All = []string{"ACSCurrent", "blue"}
	asked := func(key string) plan.Read { return plan.Read{Key: key, VersionStage: "ACSCurrent"} }
	for name, test := range map[string]struct {
		read   plan.Read
		answer secret
		want   bool
	}{
		"the name":                               {asked("prod/db"), current, true},
		"the ARN":                                {asked("acs:kms:eu-central-1:1:secret/prod/db"), current, true},
		"another label of the version":           {plan.Read{Key: "prod/db", VersionStage: "blue"}, current, true},
		"the version":                            {plan.Read{Key: "prod/db", VersionID: "2"}, current, true},
		"nothing that is named":                  {asked("prod/db"), secret{}, true},
		"another name":                           {asked("prod/other"), current, false},
		"the end of a name":                      {asked("team/secret/prod/db"), current, false},
		"another secret's ARN":                   {asked("acs:kms:eu-central-1:1:secret/db"), current, false},
		"a label that the version does not have": {plan.Read{Key: "prod/db", VersionStage: "ACSPrevious"}, current, false},
		"another version":                        {plan.Read{Key: "prod/db", VersionID: "1"}, current, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.answer.answers(test.read); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

func TestValue(t *testing.T) {
	text := func(s string) *string { return &s }
	for name, test := range map[string]struct {
		secret secret
		want   driver.Value
		err    error
	}{
		"a text":                    {secret{Data: text("a"), DataType: "text", VersionID: "1"}, driver.Value{Data: []byte("a"), Version: "1"}, nil},
		"an empty text":             {secret{Data: text(""), DataType: "text"}, driver.Value{Data: []byte{}}, nil},
		"a text that is base64":     {secret{Data: text("AP8="), DataType: "text"}, driver.Value{Data: []byte("AP8=")}, nil},
		"bytes":                     {secret{Data: text("AP8="), DataType: "binary"}, driver.Value{Data: []byte{0, 255}, Bytes: true}, nil},
		"bytes that are not base64": {secret{Data: text("a"), DataType: "binary"}, driver.Value{}, errNotBase64},
		"no value":                  {secret{DataType: "text", VersionID: "1"}, driver.Value{}, driver.ErrNoValue},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.secret.value()
			if !errors.Is(err, test.err) {
				t.Fatalf("got error %v, want %v", err, test.err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAStoreWithAServerOfItsOwnIsRefused(t *testing.T) {
	d, err := New(Config{Region: "cn-hangzhou"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Get(t.Context(), plan.Store{Container: "p", Address: "https://a.example"}, plan.Read{Key: "a", Version: "latest"})
	if err == nil || d.Classify(err) != driver.Invalid || !strings.Contains(err.Error(), "an address of its own") {
		t.Errorf("got %v, want it refused", err)
	}
}
