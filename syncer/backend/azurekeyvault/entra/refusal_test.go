package entra

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// dialTimeout is the error of a dial that is not answered in time.
func dialTimeout(t *testing.T) error {
	t.Helper()
	connection, err := (&net.Dialer{Timeout: time.Nanosecond}).DialContext(t.Context(), "tcp", "127.0.0.1:1")
	if err == nil {
		_ = connection.Close()
		t.Fatal("the dial was answered")
	}
	return err
}

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
		"a network that drops what is sent to the managed identity": {
			outcome{host: MetadataHost, err: dialTimeout(t)}, driver.Unauthenticated,
			"no login: neither a client secret nor a workload identity is set up, and no managed identity answers: dial tcp 127.0.0.1:1: i/o timeout",
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

// cutShort answers with an error that ends in the middle.
type cutShort struct{}

func (cutShort) RoundTrip(r *http.Request) (*http.Response, error) {
	body := io.MultiReader(strings.NewReader(`{"error":"planted`), iotest.ErrReader(io.ErrUnexpectedEOF))
	return &http.Response{StatusCode: http.StatusBadRequest, Request: r, Body: io.NopCloser(body)}, nil
}

func TestAnErrorThatIsCutShortIsNoAnswer(t *testing.T) {
	seen := &record{RoundTripper: cutShort{}}
	response, err := seen.RoundTrip(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://login", http.NoBody))
	if response != nil {
		_ = response.Body.Close()
		t.Error("there is an answer, beside an error")
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
	if failed, ok := errors.AsType[*driver.Error](seen.refusal(err)); !ok || failed.Kind != driver.Unavailable {
		t.Errorf("it passes for %v", failed)
	}
}
