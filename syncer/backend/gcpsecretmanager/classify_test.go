package gcpsecretmanager

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"testing"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/compute/metadata"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/gcpsecretmanager/login"
)

func TestErrors(t *testing.T) {
	unfound := func(err error) error { return &login.Error{Err: err} }
	noToken := func(err error) error { return &login.Error{Err: err, Found: true} }
	refused := &auth.Error{Response: &http.Response{StatusCode: http.StatusBadRequest}, Body: []byte(`{"error":"invalid_grant"}`)}
	down := &auth.Error{Response: &http.Response{StatusCode: http.StatusServiceUnavailable}, Body: []byte("<html>")}
	unreached := &url.Error{Op: "Get", URL: "http://metadata", Err: syscall.ECONNREFUSED}
	for name, c := range map[string]struct {
		err  error
		kind driver.Kind
		says string
	}{
		"a disabled version is as good as none": {
			status.Error(codes.FailedPrecondition, "Secret Version [v] is in DISABLED state."), driver.NotFound, "Secret Version [v] is in DISABLED state."},
		"a disabled key of KMS is a denial": {
			status.Error(codes.FailedPrecondition, "CryptoKey k is not enabled"), driver.Denied, "CryptoKey k is not enabled"},
		"a page that is no gRPC is not shown": {
			status.Error(codes.PermissionDenied, "unexpected HTTP status code received from server: 403 (Forbidden)\ndata: \"<html>\""),
			driver.Unavailable, "unexpected HTTP status code received from server: 403 (Forbidden)"},
		"an answer beyond the limit is no throttling": {
			status.Error(codes.ResourceExhausted, "grpc: received message larger than max (9 vs. 8)"), driver.Invalid, "grpc: received message larger than max (9 vs. 8)"},
		"a code that Google does not use": {status.Error(codes.AlreadyExists, "x"), driver.Unknown, "x"},
		"no project":                      {errNoProject, driver.Invalid, errNoProject.Problem},
		"no credentials":                  {unfound(login.ErrNoCredentials), driver.Unauthenticated, "no credentials: " + login.ErrNoCredentials.Problem},
		"a file that cannot be read": {unfound(&os.PathError{Op: "open", Path: "/k", Err: syscall.ENOENT}), driver.Unauthenticated,
			"no credentials: open /k: no such file or directory"},
		"a token endpoint that refuses": {noToken(refused), driver.Unauthenticated,
			"no credentials: the request for a token was answered with HTTP status 400"},
		"a token endpoint that is down": {noToken(fmt.Errorf("x: %w", down)), driver.Unavailable,
			"no credentials: the request for a token was answered with HTTP status 503"},
		"a metadata server that is asked too often": {noToken(&metadata.Error{Code: 429, Message: "<html>planted"}), driver.Throttled,
			"no credentials: the metadata server answered HTTP status 429"},
		"an account that may not be acted as": {
			noToken(&metadata.Error{Code: 403, Message: "Permission 'iam.serviceAccounts.getAccessToken' denied\n{}"}), driver.Denied,
			"no credentials: the metadata server answered HTTP status 403: Permission 'iam.serviceAccounts.getAccessToken' denied"},
		"a metadata server without an account": {noToken(metadata.NotDefinedError("token")), driver.Unauthenticated,
			`no credentials: metadata: GCE metadata "token" not defined`},
		"a metadata server that is not reached": {noToken(unreached), driver.Unavailable,
			`no credentials: Get "http://metadata": connection refused`},
		"a token exchange that is down": {noToken(errors.New("credentials: status code 500: <html>planted")), driver.Unavailable,
			"no credentials: the request for a token was answered with HTTP status 500"},
		"an exchange that answers what it should not": {noToken(errors.New("credentials: bad answer: {\"access_token\": \"planted\"}")),
			driver.Unauthenticated, "no credentials: bad answer"},
		"a token that took too long": {noToken(context.DeadlineExceeded), driver.Unavailable, "no credentials: context deadline exceeded"},
		"an unknown error":           {errors.New("x"), driver.Unknown, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &Driver{}
			if diff := cmp.Diff([]string{c.kind.String(), c.says}, []string{d.Classify(c.err).String(), d.Explain(c.err)}); diff != "" {
				t.Errorf("kind and words (-want +got):\n%s", diff)
			}
			if disabled := name == "a disabled version is as good as none"; disabled && !d.Doubts(c.err) {
				t.Error("got no doubt, want one: the version can be enabled again")
			}
		})
	}
}
