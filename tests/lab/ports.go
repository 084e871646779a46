package lab

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// Ports are taken from below the ones that Linux hands out by itself, so that no outgoing connection takes a port between
// our choice and the server's start, and from above the ones that people use.
const firstPort, lastPort, blockSize = 20000, 32000, 100

// ports hands out loopback ports. A lab claims a block of them by listening on the block's first port until it stops, so
// that labs which start together never choose the same.
type ports struct {
	mu        sync.Mutex
	claims    []net.Listener
	next, end int
}

// take returns the first of n ports in a row that nothing listens on.
func (p *ports) take(n int) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if p.next+n > p.end {
			if err := p.claim(); err != nil {
				return 0, err
			}
		}
		first := p.next
		p.next += n
		if free(first, n) {
			return first, nil
		}
	}
}

// claim takes a block that no lab has.
func (p *ports) claim() error {
	const blocks = (lastPort - firstPort) / blockSize
	for _, block := range rand.Perm(blocks) {
		first := firstPort + block*blockSize
		listener, err := listen(first)
		if err != nil {
			continue
		}
		p.claims = append(p.claims, listener)
		p.next, p.end = first+1, first+blockSize
		return nil
	}
	return fmt.Errorf("no free loopback ports: all blocks between %d and %d are taken by other labs", firstPort, lastPort)
}

func (p *ports) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, claim := range p.claims {
		_ = claim.Close()
	}
	p.claims, p.next, p.end = nil, 0, 0
}

func free(first, n int) bool {
	for port := first; port < first+n; port++ {
		listener, err := listen(port)
		if err != nil {
			return false
		}
		_ = listener.Close()
	}
	return true
}

func listen(port int) (net.Listener, error) {
	return new(net.ListenConfig).Listen(context.Background(), "tcp", loopback(port))
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
