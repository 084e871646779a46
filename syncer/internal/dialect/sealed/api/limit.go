package api

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
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
	sweepEvery = time.Minute
)

// limits bounds the requests of clients. The zero value is ready to use.
type limits struct {
	mu      sync.Mutex
	peers   map[string]*rate.Limiter
	clients map[client]*rate.Limiter
	swept   time.Time
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
	if l.peers == nil {
		l.peers, l.clients = map[string]*rate.Limiter{}, map[client]*rate.Limiter{}
	}
	l.sweep(now)
	if _, known := l.clients[c]; !known && len(l.clients) >= maxClients {
		return false
	}
	return limiter(l.clients, c, clientRate, clientBurst).AllowN(now, 1) && limiter(l.peers, c.peer, peerRate, peerBurst).AllowN(now, 1)
}

func limiter[K comparable](all map[K]*rate.Limiter, key K, every rate.Limit, burst int) *rate.Limiter {
	if all[key] == nil {
		all[key] = rate.NewLimiter(every, burst)
	}
	return all[key]
}

// sweep forgets the clients that have not come for a while.
func (l *limits) sweep(now time.Time) {
	if now.Sub(l.swept) < sweepEvery {
		return
	}
	l.swept = now
	for key, limiter := range l.clients {
		if limiter.TokensAt(now) >= clientBurst {
			delete(l.clients, key)
		}
	}
	for key, limiter := range l.peers {
		if limiter.TokensAt(now) >= peerBurst {
			delete(l.peers, key)
		}
	}
}
