// Package balancer is a small draining TCP balancer: it gives several replicas of a server one address, and lets a test
// take them all away.
package balancer

import (
	"context"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// Balancer shares the connections to one loopback address among its backends. A backend that is taken out gets no new
// connection and keeps the ones it has (it drains), until they end or Cut ends them. Without a backend every connection
// is reset at once, which clients see as an outage.
type Balancer struct {
	listener net.Listener

	mu       sync.Mutex
	backends []string
	next     int
	open     map[net.Conn]struct{}
	closed   bool
}

// Listen starts a balancer on a free loopback port.
func Listen(backends ...string) (*Balancer, error) { return ListenAt("127.0.0.1:0", backends...) }

// ListenAt starts a balancer at host:port.
func ListenAt(address string, backends ...string) (*Balancer, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, err
	}
	b := &Balancer{listener: listener, backends: slices.Clone(backends), open: map[net.Conn]struct{}{}}
	go b.serve()
	return b, nil
}

// Addr is the balancer's host:port.
func (b *Balancer) Addr() string { return b.listener.Addr().String() }

// Set replaces the backends (host:port each); the ones that are gone drain.
func (b *Balancer) Set(backends ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backends, b.next = slices.Clone(backends), 0
}

// Add adds a backend, unless it is there.
func (b *Balancer) Add(backend string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Contains(b.backends, backend) {
		b.backends = append(b.backends, backend)
	}
}

// Remove takes a backend out, which then drains.
func (b *Balancer) Remove(backend string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backends = slices.DeleteFunc(b.backends, func(other string) bool { return other == backend })
}

// Cut takes all backends out and ends every connection.
func (b *Balancer) Cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backends = nil
	for conn := range b.open {
		reset(conn)
	}
}

// Close stops listening and ends every connection.
func (b *Balancer) Close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	_ = b.listener.Close()
	b.Cut()
}

func (b *Balancer) serve() {
	for {
		conn, err := b.listener.Accept()
		if err != nil {
			return
		}
		go b.forward(conn)
	}
}

// forward connects one client with the first backend that answers, starting with the one whose turn it is.
func (b *Balancer) forward(client net.Conn) {
	defer func() { _ = client.Close() }()
	if !b.track(client) {
		return
	}
	defer b.forget(client)

	backend := b.dial()
	if backend == nil {
		reset(client)
		return
	}
	defer func() { _ = backend.Close() }()

	var halves sync.WaitGroup
	halves.Go(func() { pipe(backend, client) })
	halves.Go(func() { pipe(client, backend) })
	halves.Wait()
}

func (b *Balancer) dial() net.Conn {
	dialer := net.Dialer{Timeout: 2 * time.Second}
	for _, address := range b.turn() {
		if conn, err := dialer.DialContext(context.Background(), "tcp", address); err == nil {
			return conn
		}
	}
	return nil
}

// turn lists the backends, beginning with the one that is next, and moves on.
func (b *Balancer) turn() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.backends) == 0 {
		return nil
	}
	first := b.next % len(b.backends)
	b.next++
	return slices.Concat(b.backends[first:], b.backends[:first])
}

func (b *Balancer) track(conn net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.open[conn] = struct{}{}
	return true
}

func (b *Balancer) forget(conn net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, conn)
}

// pipe copies one direction and passes the end of the stream on; a broken stream ends both directions.
func pipe(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		reset(to)
		reset(from)
		return
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// reset closes without the polite end of a stream, as a server that crashed does.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
