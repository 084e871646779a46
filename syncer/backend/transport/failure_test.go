package transport

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/secretgate/secretgate/syncer/backend/driver"
)

func TestUnanswered(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"a name that is not known":     {&net.DNSError{Name: "a", IsNotFound: true}, true},
		"an unknown CA's certificate":  {&url.Error{Op: "Get", URL: "https://a", Err: x509.UnknownAuthorityError{}}, true},
		"no answer in time":            {context.DeadlineExceeded, true},
		"half of an answer":            {io.ErrUnexpectedEOF, true},
		"a connection that was closed": {fmt.Errorf("wrapped: %w", io.EOF), true},
		"anything else":                {errors.New("x"), false},
		"nothing":                      {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Unanswered(test.err); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

func TestKindOf(t *testing.T) {
	for status, want := range map[int]driver.Kind{
		204: driver.Unavailable, 301: driver.Unavailable, 400: driver.Invalid, 401: driver.Unauthenticated, 403: driver.Denied,
		404: driver.NotFound, 405: driver.Invalid, 408: driver.Unavailable, 429: driver.Throttled, 500: driver.Unavailable, 503: driver.Unavailable,
	} {
		if got := KindOf(status); got != want {
			t.Errorf("%d is %s, want %s", status, got, want)
		}
	}
}

func TestClientFollowsNoRedirectAndHasATimeout(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, strings.NewReader("signed"))
	if err != nil {
		t.Fatal(err)
	}
	client := Client(HTTP(nil), time.Minute, 1<<20)
	if client.Timeout != time.Minute {
		t.Errorf("a request may take %s", client.Timeout)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusTemporaryRedirect {
		t.Errorf("status %d, want the redirect itself", response.StatusCode)
	}
}
