package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/kes"
	"github.com/secretgate/secretgate/webhook/internal/admit"
)

// converting is a server of the one webhook that asks no API server.
func converting() *server {
	limiter, kinds := admit.NewLimiter(), []dialect.Kind{&kes.Installation{}}
	return &server{
		handler: routes(limiter, map[string]admit.Handler{"/mutate": &admit.Mutator{Kinds: kinds, Limiter: limiter}}),
		log:     slog.New(slog.DiscardHandler),
	}
}

func reviewOf(namespace string, size int) string {
	return fmt.Sprintf(`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u",`+
		`"kind":{"group":"kubernetes-client.io","version":"v1","kind":"ExternalSecret"},"name":"db","namespace":%q,`+
		`"operation":"CREATE","object":{"a":"%s"}}}`, namespace, strings.Repeat("x", size))
}

func header(length int) string {
	return fmt.Sprintf("POST /mutate?timeout=5s HTTP/1.1\r\nHost: webhook\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", length)
}

// post sends a review on a connection of its own and returns the status of the answer.
func post(address, review string) (status int, err error) {
	response, err := http.Post("http://"+address+"/mutate?timeout=5s", "application/json", strings.NewReader(review)) //nolint:noctx // the server ends it
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

func TestReviewsThatAreTooLargeTakeNoMemory(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = converting().serve(t.Context(), listener) }()
	address, review := listener.Addr().String(), reviewOf("hostile", 6500<<10)
	_, _ = post(address, review) // what is made once
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() { _, _ = post(address, review) }) // whatever the answer
	}
	if status, err := post(address, reviewOf("healthy", 5<<10)); status != http.StatusOK || err != nil {
		t.Errorf("a small review meanwhile is answered %d, %v", status, err)
	}
	all.Wait()
	runtime.ReadMemStats(&after)
	if taken := (after.TotalAlloc - before.TotalAlloc) >> 20; taken > 100 {
		t.Errorf("100 reviews of 6.5 MB made both ends allocate %d MiB, want no more than 100", taken)
	}
}

// Bodies that do not arrive hold the large lane's bytes for bodyTime, which is two seconds, and not for ever.
func TestSlowBodiesDoNotHoldTheirBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := newPipes(), converting()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.serve(ctx, p) }()
		statuses := make(chan string, 20)
		send := func(what, text string) {
			c := p.dial()
			go func() { _, _ = fmt.Fprint(c.conn, text) }() // blocks where it is not read
			response, err := http.ReadResponse(c.answers, nil)
			if err != nil {
				statuses <- what + ": " + err.Error()
				return
			}
			statuses <- fmt.Sprint(what, ": ", response.StatusCode)
			_ = response.Body.Close()
			_ = c.conn.Close()
		}
		for i := range 10 {
			slow := reviewOf(fmt.Sprint("slow-", i), 1<<20)
			go send("slow", header(len(slow))+slow[:len(slow)/2])
		}
		synctest.Wait()
		honest := reviewOf("core", 1<<20)
		begin := time.Now()
		go send("honest", header(len(honest))+honest)
		for range 11 {
			if status := <-statuses; status != "slow: 408" && status != "honest: 200" {
				t.Errorf("got %q", status)
			}
		}
		if took := time.Since(begin); took > 4*time.Second {
			t.Errorf("it took %s, want the two times that a body has", took)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
