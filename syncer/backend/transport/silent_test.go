package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// cable is one end of a connection that can be cut unnoticed.
type cable struct {
	net.Conn
	cut atomic.Bool
}

func (c *cable) Write(p []byte) (int, error) {
	if c.cut.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// pipes is a listener in memory.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// A connection of HTTP/2 carries all requests. Where its other end is gone without a word, it must make way for
// another after some requests, and not after the kernel's quarter of an hour.
func TestAConnectionThatWentSilentIsGivenUp(t *testing.T) {
	lender := httptest.NewTLSServer(nil)
	certificates, root := lender.TLS.Certificates, lender.Certificate()
	lender.Close()
	synctest.Test(t, func(t *testing.T) {
		listener := &pipes{accepted: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{
			Handler:   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }),
			TLSConfig: &tls.Config{Certificates: certificates, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12},
		}
		go func() { _ = server.ServeTLS(listener, "", "") }()
		roots := x509.NewCertPool()
		roots.AddCert(root)
		tr := HTTP(roots)
		var cables []*cable
		tr.DialContext = func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			c := &cable{Conn: near}
			cables = append(cables, c)
			listener.accepted <- far
			return c, nil
		}
		get := func() string {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://example.com", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			response, err := Client(tr, 0, 1<<20).Do(request)
			if err != nil {
				return "none"
			}
			defer func() { _ = response.Body.Close() }()
			text, _ := io.ReadAll(response.Body)
			return string(text)
		}
		if got := get(); got != "HTTP/2.0" {
			t.Fatalf("got %s", got)
		}
		cables[0].cut.Store(true)
		tries := 0
		for get() == "none" && tries < 10 {
			tries++
		}
		if tries > 3 || len(cables) != 2 {
			t.Errorf("%d requests failed, by %d connections", tries, len(cables))
		}
		tr.CloseIdleConnections()
		_ = server.Close()
	})
}
