package azurekeyvault

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

func TestWhatGoesThroughTheProxy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://proxy.example")
	t.Setenv("HTTPS_PROXY", "http://proxy.example")
	t.Setenv("NO_PROXY", ".internal.example")
	w, err := newWire(Config{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, at := range []string{
		"https://v.vault.azure.net/", "https://v.internal.example/", "http://169.254.169.254/metadata", "http://127.0.0.1:42/msi/token",
	} {
		proxy, err := w.transport.Proxy(httptest.NewRequestWithContext(t.Context(), http.MethodGet, at, http.NoBody))
		if err != nil {
			t.Fatal(err)
		}
		got[at] = proxy != nil
	}
	want := map[string]bool{
		"https://v.vault.azure.net/": true, "https://v.internal.example/": false,
		"http://169.254.169.254/metadata": false, "http://127.0.0.1:42/msi/token": false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("through the proxy (-want +got):\n%s", diff)
	}
}

// A machine without a managed identity is told so before the read is out of time, however short that is.
func TestADialTakesHalfTheTimeAtMost(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	w, err := newWire(Config{Timeout: 2 * time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	response, err := w.RoundTrip(httptest.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody))
	if err == nil {
		_ = response.Body.Close()
	}
	if timeout, ok := errors.AsType[*net.OpError](err); !ok || timeout.Op != "dial" || !timeout.Timeout() {
		t.Errorf("got %v, want a dial that is out of time", err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 2*maxAnswer))
	}))
	defer server.Close()
	w, err := newWire(Config{})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := w.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.ReadAll(response.Body)
	if !errors.Is(err, transport.ErrTooLong) || (&Driver{}).Classify(err) != driver.Unavailable {
		t.Errorf("got %v, want that the answer is too large", err)
	}
}
