package integration

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
)

// damaging starts a server that passes requests on as they are, since their host is signed, and changes the answers.
func damaging(t *testing.T, upstream string, transport http.RoundTripper, change func(answer []byte) []byte) *httptest.Server {
	t.Helper()
	target, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	return httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		Transport: transport, FlushInterval: -1,
		ModifyResponse: func(r *http.Response) error {
			answer, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			_ = r.Body.Close()
			r.Body = io.NopCloser(bytes.NewReader(change(answer)))
			return nil
		},
	})
}

// damagingPlainly is the URL of one without TLS.
func damagingPlainly(t *testing.T, upstream string, change func(answer []byte) []byte) string {
	t.Helper()
	server := damaging(t, upstream, http.DefaultTransport, change)
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}
