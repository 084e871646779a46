package opener

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/secretgate/secretgate/shared/opening"
	"github.com/secretgate/secretgate/shared/peer"
	"github.com/secretgate/secretgate/shared/plan"
)

// peers are the ends of both services, which have published their certificates.
func peers(t *testing.T) (webhook, syncer *peer.Peer) {
	t.Helper()
	cluster := fake.NewClientset(
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "secretgate", Name: opening.ConfigMapWebhook}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "secretgate", Name: opening.ConfigMapSyncer}},
	).CoreV1().ConfigMaps("secretgate")
	webhook = &peer.Peer{ConfigMaps: cluster, Own: opening.ConfigMapWebhook, Other: opening.ConfigMapSyncer}
	syncer = &peer.Peer{ConfigMaps: cluster, Own: opening.ConfigMapSyncer, Other: opening.ConfigMapWebhook}
	for _, p := range []*peer.Peer{webhook, syncer} {
		if err := p.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return webhook, syncer
}

// serve is a syncer that answers by a function, and its address. It counts the connections.
func serve(t *testing.T, end *peer.Peer, answer http.HandlerFunc) (address string, connections *atomic.Int64) {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", end.Server())
	if err != nil {
		t.Fatal(err)
	}
	connections = &atomic.Int64{}
	server := &http.Server{Handler: answer, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections.Add(1)
			}
		}}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String(), connections
}

// sealedPlan has entries of which one reads a backend, and the others are sealed.
func sealedPlan() *plan.Plan {
	p := &plan.Plan{Entries: []plan.Entry{
		{Field: "spec.encryptedData[a]", Sealed: plan.Sealed{Ciphertext: "\xff\x00a", Label: "core/db"}},
		{Field: "spec.data[0]"},
		{Field: "spec.encryptedData[b]", Sealed: plan.Sealed{Ciphertext: "\xff\x00b", Label: "core/db"}},
	}}
	p.Object.NamespacedName = types.NamespacedName{Namespace: "core", Name: "db"}
	return p
}

// responding answers each request alike.
func responding(response opening.Response) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(response) }
}

func TestAnswers(t *testing.T) {
	webhook, syncer := peers(t)
	_, foreign := peers(t)
	var got opening.Request
	var query string
	for name, test := range map[string]struct {
		end     *peer.Peer
		answer  http.HandlerFunc
		closed  string // each as field: why
		unknown string
	}{
		"all can be opened": {syncer, func(w http.ResponseWriter, r *http.Request) {
			query = r.URL.Query().Get("namespace")
			_ = json.NewDecoder(r.Body).Decode(&got)
			_ = json.NewEncoder(w).Encode(opening.Response{})
		}, "", ""},
		"one cannot": {syncer, responding(opening.Response{Closed: []opening.Closed{{Value: 1, Why: "sealed elsewhere"}}}),
			"spec.encryptedData[b]: sealed elsewhere", ""},
		"values that were not asked about": {syncer, responding(opening.Response{Closed: []opening.Closed{{Value: 2}, {Value: -1}}}), "", ""},
		"nothing is known":                 {syncer, responding(opening.Response{Unknown: "the sealing keys have not been read yet"}), "", "the sealing keys have not been read yet"},
		"overload":                         {syncer, status(http.StatusServiceUnavailable), "", "the syncer had no time to answer"},
		"another status":                   {syncer, status(http.StatusTeapot), "", "the syncer cannot be asked"},
		"elsewhere": {syncer, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://127.0.0.1:1/", http.StatusFound)
		}, "", "the syncer cannot be asked"},
		"what is no answer":               {syncer, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{")) }, "", "the syncer cannot be asked"},
		"an answer without end":           {syncer, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(strings.Repeat("x", 1<<20))) }, "", "the syncer cannot be asked"},
		"a server that is not the syncer": {foreign, responding(opening.Response{}), "", "the syncer cannot be asked"},
	} {
		t.Run(name, func(t *testing.T) {
			address, _ := serve(t, test.end, test.answer)
			o := &Opener{Address: address, Peer: webhook, Log: slog.New(slog.DiscardHandler)}
			closed, unknown := o.Opens(t.Context(), sealedPlan())
			var texts []string
			for _, err := range closed {
				texts = append(texts, err.Field+": "+err.Detail)
			}
			if said := strings.Join(texts, "\n"); said != test.closed || unknown != test.unknown {
				t.Errorf("got %q, unknown: %q, want %q and %q", said, unknown, test.closed, test.unknown)
			}
		})
	}
	want := opening.Request{Values: []opening.Value{
		{Ciphertext: []byte("\xff\x00a"), Label: "core/db"}, {Ciphertext: []byte("\xff\x00b"), Label: "core/db"},
	}}
	if diff := cmp.Diff(want, got); diff != "" || query != "core" {
		t.Errorf("got a request for namespace %q, want core (-want +got):\n%s", query, diff)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func TestAPlanWithoutSealedValuesAsksNothing(t *testing.T) {
	closed, unknown := new(Opener).Opens(t.Context(), &plan.Plan{Entries: sealedPlan().Entries[1:2]})
	if len(closed) > 0 || unknown != "" {
		t.Errorf("got %v, unknown: %q, want nothing", closed, unknown)
	}
}

// TestASyncerThatCannotBeReachedIsLeftAlone: only the first object waits for it.
func TestASyncerThatCannotBeReachedIsLeftAlone(t *testing.T) {
	webhook, _ := peers(t)
	_, foreign := peers(t)
	address, connections := serve(t, foreign, responding(opening.Response{}))
	var log strings.Builder
	o := &Opener{Address: address, Peer: webhook, Log: slog.New(slog.NewTextHandler(&log, nil))}
	for range 5 {
		if _, unknown := o.Opens(t.Context(), sealedPlan()); unknown == "" {
			t.Error("got an answer of a server that is not the syncer")
		}
	}
	if got := connections.Load(); got != 1 {
		t.Errorf("got %d connections, want 1", got)
	}
	if got := strings.Count(log.String(), "level=WARN"); got != 1 {
		t.Errorf("got %d warnings in the log, want 1:\n%s", got, log.String())
	}
	o.resting = time.Time{} // as after a while
	o.answered(t.Context())
	if !strings.Contains(log.String(), "says again") {
		t.Errorf("the log does not say that the syncer answers again:\n%s", log.String())
	}
}

// TestASyncerThatDoesNotAnswerIsNotWaitedFor: a request ends with the time that it has, and does not keep other objects from being asked about.
func TestASyncerThatDoesNotAnswerIsNotWaitedFor(t *testing.T) {
	webhook, syncer := peers(t)
	hangs := make(chan struct{})
	address, _ := serve(t, syncer, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hangs:
		case <-r.Context().Done():
		}
	})
	defer close(hangs)
	o := &Opener{Address: address, Peer: webhook, Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithTimeout(t.Context(), opening.MaxTime/10)
	defer cancel()
	if _, unknown := o.Opens(ctx, sealedPlan()); unknown != "the syncer did not answer in time" {
		t.Errorf("got %q, want that it did not answer", unknown)
	}
	if o.rests(time.Now()) {
		t.Error("one request without an answer keeps others from being sent")
	}
}

func TestMoreObjectsThanAreAskedAboutAtATimeWait(t *testing.T) {
	webhook, syncer := peers(t)
	var atATime, most atomic.Int64
	address, _ := serve(t, syncer, func(w http.ResponseWriter, _ *http.Request) {
		most.Store(max(most.Load(), atATime.Add(1)))
		_, _ = fmt.Fprint(w, "{}")
		atATime.Add(-1)
	})
	o := &Opener{Address: address, Peer: webhook, Log: slog.New(slog.DiscardHandler)}
	answers := make(chan string)
	const objects = 5 * atOnce
	for range objects {
		go func() {
			_, unknown := o.Opens(t.Context(), sealedPlan())
			answers <- unknown
		}()
	}
	for range objects {
		if unknown := <-answers; unknown != "" {
			t.Errorf("got unknown: %s", unknown)
		}
	}
	if got := most.Load(); got > atOnce {
		t.Errorf("got %d requests at a time, want %d at most", got, atOnce)
	}
}
