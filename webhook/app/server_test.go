package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener in memory, so that time can be faked.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

func newPipes() *pipes {
	closed := make(chan struct{})
	return &pipes{conns: make(chan net.Conn), closed: closed, close: sync.OnceFunc(func() { close(closed) })}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.close(); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// caller is an API server's end of one connection.
type caller struct {
	conn    net.Conn
	answers *bufio.Reader
}

// dial returns nil where nothing listens any more.
func (p *pipes) dial() *caller {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return &caller{near, bufio.NewReader(near)}
	case <-p.closed:
		return nil
	}
}

// call returns the status, and whether the connection is to be given up.
func (c *caller) call(path string) (status int, last bool, err error) {
	if _, err := fmt.Fprintf(c.conn, "POST %s HTTP/1.1\r\nHost: webhook\r\nContent-Length: 0\r\n\r\n", path); err != nil {
		return 0, false, err
	}
	response, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		return 0, false, err
	}
	return response.StatusCode, response.Close, response.Body.Close()
}

// serving starts a server whose path /slow takes four seconds, and notices when it is told to give up.
func serving(t *testing.T) (s *server, p *pipes, stop func(), ended <-chan error) {
	t.Helper()
	p = newPipes()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(4 * time.Second):
		case <-r.Context().Done():
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	s = &server{handler: mux, log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- s.serve(ctx, p) }()
	return s, p, cancel, result
}

func (c *caller) mustCall(t *testing.T, path string, wantLast bool) {
	t.Helper()
	if c == nil {
		t.Errorf("nothing listens for a call of %s", path)
		return
	}
	status, last, err := c.call(path)
	if err != nil || status != http.StatusOK || last != wantLast {
		t.Errorf("after a call of %s: status %d, error %v, connection given up: %v, want %v", path, status, err, last, wantLast)
	}
}

func TestCallsAreAnsweredWhileTheServerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p, stop, ended := serving(t)
		kept, busy, idle := p.dial(), p.dial(), p.dial()
		for _, c := range []*caller{kept, busy, idle} {
			c.mustCall(t, "/", false)
		}
		if err := s.ready(nil); err != nil {
			t.Errorf("not ready before the end: %v", err)
		}
		var slow sync.WaitGroup
		slow.Go(func() { busy.mustCall(t, "/slow", true) }) // its answer comes when the server is closing
		synctest.Wait()
		begin := time.Now()
		stop()
		synctest.Wait()
		if s.ready(nil) == nil {
			t.Error("ready, while it is about to end")
		}
		kept.mustCall(t, "/", true)
		p.dial().mustCall(t, "/", true)
		slow.Wait()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if took := time.Since(begin).Round(time.Second); took != 4*time.Second {
			t.Errorf("the end took %s, not as long as the call that was under way", took)
		}
		if _, _, err := idle.call("/"); err == nil {
			t.Error("an idle connection is still served")
		}
	})
}

func TestServerEndsOnceNoCallsCome(t *testing.T) {
	for _, c := range []struct {
		name   string
		every  time.Duration // between calls
		period time.Duration
		took   time.Duration
	}{
		{"no call ever comes", 0, 0, quietTime},
		{"calls come for a while", 400 * time.Millisecond, 2 * time.Second, 2*time.Second + quietTime},
		{"calls come for ever", 400 * time.Millisecond, time.Hour, drainTime},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, p, stop, ended := serving(t)
				synctest.Wait()
				begin := time.Now()
				stop()
				synctest.Wait()
				var calls sync.WaitGroup
				calls.Go(func() {
					for time.Since(begin) < c.period {
						<-time.After(c.every)
						caller := p.dial()
						if caller == nil {
							return
						}
						caller.mustCall(t, "/", true)
					}
				})
				if err := <-ended; err != nil {
					t.Error(err)
				}
				if took := time.Since(begin); took.Round(100*time.Millisecond) != c.took {
					t.Errorf("the end took %s, want %s", took, c.took)
				}
				calls.Wait()
			})
		})
	}
}

func TestServerThatCannotServeSaysSo(t *testing.T) {
	p := newPipes()
	_ = p.Close()
	s := &server{handler: http.NotFoundHandler(), log: slog.New(slog.DiscardHandler)}
	if err := s.serve(t.Context(), p); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
