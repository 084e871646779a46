package entra

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/secretgate/secretgate/syncer/backend/driver"
)

func TestWhyThereIsNoToken(t *testing.T) {
	for name, test := range map[string]struct {
		last outcome
		want driver.Kind
		says string
	}{
		"a wrong client secret": {
			outcome{status: 401, body: []byte(`{"error":"invalid_client","error_description":"AADSTS7000215: Wrong. Trace ID: 1"}`)},
			driver.Unauthenticated, "no login: invalid_client: AADSTS7000215: Wrong.",
		},
		"Entra's throttling": {
			outcome{status: 429, body: []byte(`{"error":"temporarily_unavailable"}`)}, driver.Throttled, "no login: temporarily_unavailable",
		},
		"Entra's outage": {
			outcome{host: "login", status: 502, body: []byte("<html>")}, driver.Unavailable,
			"no login: HTTP status 502 of login without an answer of Entra ID's",
		},
		"a page in place of Entra's answer": {
			outcome{host: "login", status: 200}, driver.Unavailable, "no login: the answer of login is not Entra ID's",
		},
		"no connection to Entra": {outcome{host: "login", err: io.EOF}, driver.Unavailable, "no login: EOF"},
		"no credentials at all": {
			outcome{host: MetadataHost, err: io.EOF}, driver.Unauthenticated,
			"no login: neither a client secret nor a workload identity is set up, and no managed identity answers: EOF",
		},
		"a managed identity that does not answer in time": {
			outcome{host: MetadataHost, err: context.DeadlineExceeded}, driver.Unavailable, "no login: context deadline exceeded",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := (&record{last: test.last}).refusal(errors.New("the SDK's words, and a token"))
			failed, ok := errors.AsType[*driver.Error](err)
			if !ok || failed.Kind != test.want || failed.Error() != test.says {
				t.Errorf("got %v, want %s: %s", err, test.want, test.says)
			}
		})
	}
}
