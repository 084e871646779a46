package balancer

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// backend answers every line with its own name and the line.
func backend(t *testing.T, name string) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				lines := bufio.NewScanner(conn)
				for lines.Scan() {
					_, _ = fmt.Fprintf(conn, "%s %s\n", name, lines.Text())
				}
			}()
		}
	}()
	return listener.Addr().String()
}

type client struct {
	conn  net.Conn
	lines *bufio.Scanner
}

// connect opens a connection. One that is reset at once may or may not be seen to have been open before: it is one that is gone.
func connect(t *testing.T, b *Balancer) client {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", b.Addr())
	if errors.Is(err, syscall.ECONNRESET) {
		return client{}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return client{conn, bufio.NewScanner(conn)}
}

// ask returns the answer to one line; "" when the connection is gone.
func (c client) ask(line string) string {
	if c.conn == nil {
		return ""
	}
	if _, err := fmt.Fprintln(c.conn, line); err != nil {
		return ""
	}
	c.lines.Scan()
	return c.lines.Text()
}

func listen(t *testing.T, backends ...string) *Balancer {
	t.Helper()
	b, err := Listen(backends...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func TestConnectionsTakeTurns(t *testing.T) {
	b := listen(t, backend(t, "one"), backend(t, "two"))
	var got []string
	for range 4 {
		got = append(got, connect(t, b).ask("hello"))
	}
	if diff := cmp.Diff([]string{"one hello", "two hello", "one hello", "two hello"}, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

func TestBackendThatDoesNotAnswerIsPassedOver(t *testing.T) {
	dead, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = dead.Close()
	b := listen(t, dead.Addr().String(), backend(t, "alive"))
	for range 2 {
		if got, want := connect(t, b).ask("hello"), "alive hello"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestBackendThatIsTakenOutDrains(t *testing.T) {
	b := listen(t, backend(t, "old"))
	before := connect(t, b)
	got := []string{before.ask("first")}
	b.Set(backend(t, "new"))
	got = append(got, before.ask("second"), connect(t, b).ask("third"))
	if diff := cmp.Diff([]string{"old first", "old second", "new third"}, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

func TestCutEndsConnectionsAndSetBringsThemBack(t *testing.T) {
	address := backend(t, "server")
	b := listen(t, address)
	before := connect(t, b)
	got := []string{before.ask("first")}
	b.Cut()
	got = append(got, before.ask("second"), connect(t, b).ask("third"))
	b.Set(address)
	got = append(got, connect(t, b).ask("fourth"))
	if diff := cmp.Diff([]string{"server first", "", "", "server fourth"}, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}
