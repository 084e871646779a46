package api

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/secretgate/secretgate/syncer/internal/ratelimit"
)

// How many requests are answered that cost a try of keys: of a client, for each path, as Sealed Secrets does; and of a peer, which may be
// the API server, whose clients are many.
const (
	clientRate  = 2 // a second
	clientBurst = 3
	peerRate    = 20
	peerBurst   = 40
	// maxClients bounds how many clients are remembered. Those that are idle are forgotten after a while.
	maxClients = 10_000
)

// limits bounds the requests of clients. The zero value is ready to use.
type limits struct {
	mu      sync.Mutex
	peers   ratelimit.Keyed[string]
	clients ratelimit.Keyed[client]
}

type client struct{ peer, address, path string }

// clientOf is who sends a request. The API server's proxy adds the address of its client to X-Forwarded-For as the last one; what stands
// before it, and all of it where a client does not come by the API server, is what the client claims. So it never counts without the peer.
func clientOf(r *http.Request) client {
	peer, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		peer = r.RemoteAddr
	}
	all := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	const longest = 64 // an address is shorter
	address := strings.TrimSpace(all[len(all)-1])
	return client{peer: peer, address: address[:min(len(address), longest)], path: r.URL.Path}
}

// allow counts a request, and reports whether it may be answered.
func (l *limits) allow(c client, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.clients.Has(c, now) && l.clients.Len() >= maxClients {
		return false
	}
	return l.clients.Of(c, clientRate, clientBurst, now).AllowN(now, 1) && l.peers.Of(c.peer, peerRate, peerBurst, now).AllowN(now, 1)
}
