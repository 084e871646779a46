package awssession

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
)

// The SDK logs a date that it cannot read, and quotes it.
func TestTheSDKsOwnLinesGoThroughOurLog(t *testing.T) {
	asUser(t)
	stderr := os.Stderr
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stderr = w
	defer func() { os.Stderr = stderr }()
	var logged bytes.Buffer
	for _, log := range []*slog.Logger{slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})), nil} {
		s, err := New(Config{Log: log})
		if err != nil {
			t.Fatal(err)
		}
		s.aws.HTTPClient = doer(func(*http.Request) (*http.Response, error) {
			header := http.Header{"Date": {"planted"}}
			return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(strings.NewReader("planted"))}, nil
		})
		if _, err = s.held.Get(t.Context(), identity{role: "arn:aws:iam::123456789012:role/far", region: "eu-west-1"}); err == nil {
			t.Error("there is a session")
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(logged.String(), "level=DEBUG") || strings.Contains(logged.String(), "planted") || len(said) > 0 {
		t.Errorf("the log has %q, stderr %q", logged.String(), said)
	}
}
