package backendtest

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

func (s *suite) connections(t *testing.T) {
	key := s.Key(0, "kept")
	t.Run("nothing listens there", func(t *testing.T) {
		listener := listen(t)
		_ = listener.Close()
		_, err := s.reader(s.At(t, "http://"+listener.Addr().String())).get(t.Context(), s.Stores[0], key)
		wantKind(t, err, driver.Unavailable)
	})
	for name, answer := range map[string]http.HandlerFunc{
		"another server answers without end":               endless,
		"another server answers 200 with a page":           page(http.StatusOK),
		"another server answers 502 with a page":           page(http.StatusBadGateway),
		"the connection is cut in the middle of an answer": cutShort,
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				answer(w, r)
			}))
			defer server.Close()
			modestly(t, func() {
				_, err := s.reader(s.At(t, server.URL)).get(t.Context(), s.Stores[0], key)
				wantKind(t, err, driver.Unavailable)
			})
			if n := calls.Load(); n > 1 {
				t.Errorf("the driver called %d times: to try again is its caller's business", n)
			}
		})
	}
	t.Run("another server answers 404 with a page, which proves nothing of the value", func(t *testing.T) {
		server := httptest.NewServer(page(http.StatusNotFound))
		defer server.Close()
		_, err := s.reader(s.At(t, server.URL)).get(t.Context(), s.Stores[0], key)
		var failed *backend.Error
		if !errors.As(err, &failed) || failed.Kind == driver.NotFound {
			t.Errorf("got %v, want an error of another kind than %s", err, driver.NotFound)
		}
	})
	t.Run("silence", func(t *testing.T) { s.silence(t, key) })
}

// silence is that of a backend which takes calls and does not answer them.
func (s *suite) silence(t *testing.T, key string) {
	t.Run("a caller who gives up is let go, however long the backend is silent", func(t *testing.T) {
		url, called := silent(t)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-called
			cancel()
		}()
		_, err := s.reader(s.At(t, url)).get(ctx, s.Stores[0], key)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
	t.Run("the time limit of a call ends it", func(t *testing.T) {
		url, _ := silent(t)
		r := s.reader(s.At(t, url))
		r.client.Timeout = 50 * time.Millisecond
		_, err := r.get(t.Context(), s.Stores[0], key)
		wantKind(t, err, driver.Unavailable)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want context.DeadlineExceeded", err)
		}
	})
	t.Run("a caller who has given up before does not call", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.reader(s.New(t)).get(ctx, s.Stores[0], key)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
}

func page(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<html><body>" + canary + "</body></html>"))
	}
}

// maxAllocated is how many bytes a call may allocate: far more than the largest answer needs, far less than an endless one.
const maxAllocated = 192 << 20

// modestly does something that must not take much memory, whatever the backend sends.
func modestly(t *testing.T, do func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > maxAllocated {
		t.Errorf("%d MiB were allocated, want %d at most", took>>20, maxAllocated>>20)
	}
}

// endless goes on until its caller hangs up, or half a gigabyte is sent.
func endless(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, err := w.Write([]byte(`{"data":"` + canary))
	more := bytes.Repeat([]byte("x"), 64<<10)
	for i := 0; i < 8<<10 && err == nil; i++ {
		_, err = w.Write(more)
	}
}

func cutShort(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte(`{"data":"` + canary))
	panic(http.ErrAbortHandler)
}

// silent accepts connections and never answers. called is closed at the first one.
func silent(t *testing.T) (url string, called <-chan struct{}) {
	t.Helper()
	listener := listen(t)
	first := make(chan struct{})
	var open []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			if open = append(open, connection); len(open) == 1 {
				close(first)
			}
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
		for _, connection := range open {
			_ = connection.Close()
		}
	})
	return "http://" + listener.Addr().String(), first
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}
