// Package gateway is an HTTPS proxy that leads the host names of the emulated clouds to the emulator: it takes CONNECT, ends
// TLS with a certificate of the lab's own authority, and passes on what is inside. Every other host is refused, so nothing
// that is meant for the real clouds leaves the machine.
package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/authority"
	"github.com/secretgate/secretgate/tests/lab/clouds/wildcard"
)

// handshakeTimeout is how long a caller may take for its part of a handshake.
const handshakeTimeout = 10 * time.Second

// Gateway is an http.Handler for a server without TLS and HTTP/2. Its fields may not be changed once it serves.
type Gateway struct {
	// Authority signs the certificates that callers are shown.
	Authority *authority.Authority
	// Hosts are the names that are led to Upstream; they take * and ?.
	Hosts []string
	// Upstream is the host:port that serves them, without TLS.
	Upstream string
}

// ServeHTTP opens one tunnel.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, port, err := net.SplitHostPort(r.Host)
	if r.Method != http.MethodConnect || err != nil || port != "443" || !g.leads(host) {
		http.Error(w, fmt.Sprintf("the lab's gateway takes CONNECT to port 443 of %v, and not %s %s", g.Hosts, r.Method, r.Host),
			http.StatusForbidden)
		return
	}
	upstream, err := new(net.Dialer).DialContext(r.Context(), "tcp", g.Upstream)
	if err != nil {
		http.Error(w, "nothing answers for "+host, http.StatusBadGateway)
		return
	}
	defer func() { _ = upstream.Close() }()
	caller, err := hijack(w)
	if err != nil {
		return
	}
	defer func() { _ = caller.Close() }()
	if caller, err = g.handshake(r.Context(), caller, host); err == nil {
		splice(caller, upstream)
	}
}

func (g *Gateway) leads(host string) bool {
	for _, pattern := range g.Hosts {
		if wildcard.Match(pattern, host) {
			return true
		}
	}
	return false
}

// hijack answers the CONNECT and takes the connection over.
func hijack(w http.ResponseWriter) (net.Conn, error) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		return nil, errors.New("the connection cannot be taken over: serve the gateway by HTTP/1.1")
	}
	connection, buffered, err := hijacker.Hijack()
	if err != nil {
		return nil, err
	}
	if buffered.Reader.Buffered() > 0 {
		_ = connection.Close()
		return nil, errors.New("the caller did not wait for the answer to its CONNECT")
	}
	if _, err := io.WriteString(connection, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		_ = connection.Close()
		return nil, err
	}
	return connection, nil
}

// handshake poses as host.
func (g *Gateway) handshake(ctx context.Context, connection net.Conn, host string) (net.Conn, error) {
	certificate, err := g.Authority.Issue(host)
	if err != nil {
		return connection, err
	}
	secured := tls.Server(connection, &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*certificate}, NextProtos: []string{"http/1.1"},
	})
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	err = secured.HandshakeContext(ctx)
	return secured, err
}

// splice copies both ways until one side ends, and then ends the other: a connection that the emulator cuts is cut for
// its caller, too.
func splice(a, b net.Conn) {
	var both sync.WaitGroup
	carry := func(from, to net.Conn) {
		_, _ = io.Copy(to, from)
		_, _ = from.Close(), to.Close()
	}
	both.Go(func() { carry(a, b) })
	both.Go(func() { carry(b, a) })
	both.Wait()
}
