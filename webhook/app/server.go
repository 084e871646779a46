package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/net/netutil"
)

const (
	// idleTime is longer than the 90 seconds for which API servers keep an unused connection, so that they close it first. It
	// bounds the wait for a first request, too: API servers open connections that they then do not need.
	idleTime = 2 * time.Minute
	// A stopping server goes on until no call has come for quietTime, but no longer than drainTime.
	quietTime = time.Second
	drainTime = 5 * time.Second
	// callTime is the API server's timeout of our webhooks: no call that is under way takes longer.
	callTime = 5 * time.Second
	// answerTime bounds a handshake, and a call from its headers to its answer.
	answerTime = 2 * callTime
	// maxConnections bounds the memory of callers that wait: some 60 KiB each. An API server has as many connections as it has
	// writes of our objects under way. maxHeader is more than its headers need.
	maxConnections = 1000
	maxHeader      = 16 << 10
)

// server serves API servers, and stops without failing one of their calls. API servers keep connections for the next call, do not
// repeat a call when its connection is closed, and may not know for a while that this replica stops. So it first keeps answering, with
// a header that makes them close the connection, and then closes connections that have been unused for a while. Calls under way run to
// their end: controller-runtime's own server would cancel their contexts, and a namespace that cannot be read is a denial.
type server struct {
	port    int
	tls     *tls.Config
	handler http.Handler
	log     *slog.Logger

	lastCall atomic.Int64 // nanoseconds since 1970
	stopping atomic.Bool
}

// NeedLeaderElection is false, since every replica serves. The manager then also keeps its caches until the server has stopped.
func (s *server) NeedLeaderElection() bool { return false }

// Start serves until ctx ends, and until API servers call other replicas.
func (s *server) Start(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", fmt.Sprintf(":%d", s.port))
	if err != nil {
		return fmt.Errorf("admission cannot be served: %w: see --port", err)
	}
	return s.serve(ctx, tls.NewListener(netutil.LimitListener(listener, maxConnections), s.tls))
}

func (s *server) serve(ctx context.Context, listener net.Listener) error {
	inner := &http.Server{
		Handler: s, ReadHeaderTimeout: idleTime, IdleTimeout: idleTime, WriteTimeout: answerTime, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelInfo), // handshakes that fail
	}
	ended := make(chan error, 1)
	go func() { ended <- inner.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("the admission server failed: %w", err)
	case <-ctx.Done():
	}
	s.drain()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	if err := inner.Shutdown(ending); err != nil {
		return fmt.Errorf("calls were cut off that had not ended after %s: %w", callTime, err)
	}
	return nil
}

// ServeHTTP answers one call.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.lastCall.Store(time.Now().UnixNano())
	if s.stopping.Load() {
		w.Header().Set("Connection", "close")
	}
	s.handler.ServeHTTP(w, r)
}

// drain returns when no call has come for a while, or it has taken too long.
func (s *server) drain() {
	s.log.Info("The webhook stops once API servers call other replicas")
	begin := time.Now()
	s.stopping.Store(true)
	s.lastCall.Store(begin.UnixNano())
	for {
		quiet := time.Unix(0, s.lastCall.Load()).Add(quietTime)
		wait := min(time.Until(quiet), time.Until(begin.Add(drainTime)))
		if wait <= 0 {
			return
		}
		<-time.After(wait)
	}
}

// ready is a check for load balancers; Kubernetes itself knows that a pod stops.
func (s *server) ready(*http.Request) error {
	if s.stopping.Load() {
		return errors.New("the webhook is stopping")
	}
	return nil
}
