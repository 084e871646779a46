package app

import (
	"bytes"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/grpclog"
)

// noted keeps what is logged, and says when.
type noted struct {
	mu   sync.Mutex
	text bytes.Buffer
	line chan struct{}
}

func (n *noted) Write(text []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case n.line <- struct{}{}:
	default:
	}
	return n.text.Write(text)
}

func (n *noted) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}

func TestLibrariesDoNotQuoteBackends(t *testing.T) {
	out := &noted{line: make(chan struct{}, 1)}
	redirectLibraries(slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer log.SetOutput(os.Stderr)

	t.Run("what comes after an answer", func(t *testing.T) {
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = listener.Close() }()
		more := make(chan struct{})
		go func() {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = connection.Read(make([]byte, 1<<10))
			_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			<-more
			_, _ = io.WriteString(connection, "planted")
		}()
		client := &http.Client{Transport: &http.Transport{}}
		response, err := client.Get("http://" + listener.Addr().String()) //nolint:noctx // it answers at once
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		close(more)
		select {
		case <-out.line:
		case <-time.After(time.Minute):
			t.Error("net/http logs nothing: this test proves nothing any more")
		}
	})
	grpclog.Error("planted")
	if got := out.String(); strings.Contains(got, "planted") || !strings.Contains(got, `library="Go's own log"`) || !strings.Contains(got, "library=gRPC") {
		t.Errorf("logged:\n%s", got)
	}
}
