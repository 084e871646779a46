package api

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"

	"github.com/secretgate/secretgate/shared/fair"
	"github.com/secretgate/secretgate/shared/opening"
	"github.com/secretgate/secretgate/shared/peer"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/dialect/sealed/keys"
)

// admission begins the line of a namespace where openings take turns. It is one beside that for the namespace's Secrets, so that a webhook
// does not wait for all of these. No namespace is called so.
const admission = "/admission/"

// connectionLife is how long a connection is used: a certificate is looked at when one is opened.
const connectionLife = 10 * time.Minute

// opened is the key of the time at which the connection of a request was opened.
type opened struct{}

// maxWebhooks bounds the connections at the port of an Opener, which any client of the cluster may open.
const maxWebhooks = 100

// Opener answers the webhook which values of an object no key opens, and no other client: it would be an oracle.
type Opener struct {
	Keys *keys.Ring
	Log  *slog.Logger

	objects fair.Turns
}

// Handler serves opening.Path.
func (o *Opener) Handler() http.Handler {
	o.objects.Width = atOnce
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+opening.Path, o.answer)
	return mux
}

func (o *Opener) answer(w http.ResponseWriter, r *http.Request) {
	namespace, within := opening.ParseQuery(r.URL.Query())
	ctx, cancel := context.WithTimeout(r.Context(), within-within/8) // the rest is for the way
	defer cancel()
	end, err := o.objects.Acquire(ctx, namespace)
	if err != nil {
		http.Error(w, "there was no time to answer", http.StatusServiceUnavailable)
		return
	}
	defer end()
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(within)) // not every writer of a test has one
	var request opening.Request
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, opening.MaxBody)).Decode(&request); err != nil {
		http.Error(w, "the body is no request for an object's values, or did not arrive whole", http.StatusBadRequest)
		return
	}
	response, err := json.Marshal(o.opens(ctx, namespace, request.Values))
	if err != nil {
		http.Error(w, "the answer cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(response)
}

// opens tries each value. What it opens is in memory for the try alone.
func (o *Opener) opens(ctx context.Context, namespace string, values []opening.Value) (response opening.Response) {
	for i, v := range values {
		if len(response.Closed) == opening.MaxClosed {
			response.Unknown = "the values after these were not tried"
			return response
		}
		why, err := o.Keys.Opens(ctx, admission+namespace, plan.Sealed{Ciphertext: string(v.Ciphertext), Label: v.Label})
		switch {
		case ctx.Err() != nil:
			response.Unknown = fmt.Sprintf("there was no time to try more than %d of %d values", i, len(values))
			return response
		case err != nil:
			response.Unknown = err.Error()
			return response
		case why != "":
			response.Closed = append(response.Closed, opening.Closed{Value: i, Why: why})
		}
	}
	return response
}

// OpenerServer serves an Opener at an address, over TLS with the webhook alone. It is a Runnable of a manager: every replica serves.
type OpenerServer struct {
	Address string
	Opener  *Opener
	Peer    *peer.Peer
}

// Start serves until ctx ends.
func (s *OpenerServer) Start(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Address)
	if err != nil {
		return fmt.Errorf("serve the webhook (--sealed-verify-bind-address): %w", err)
	}
	s.Opener.Log.InfoContext(ctx, "Serving the webhook, which asks what can be opened", "address", listener.Addr().String())
	listener = tls.NewListener(netutil.LimitListener(listener, maxWebhooks), s.Peer.Server())
	const answers = 5 * opening.MaxTime // and handshakes
	return serve(ctx, listener, &http.Server{
		Handler: aging(s.Opener.Handler()), ReadHeaderTimeout: answers, ReadTimeout: answers, WriteTimeout: answers, IdleTimeout: time.Minute,
		MaxHeaderBytes: 4 << 10,
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, opened{}, time.Now())
		},
		ErrorLog: slog.NewLogLogger(s.Opener.Log.Handler(), slog.LevelDebug), // handshakes that fail
	})
}

// aging has a client close its connection, once that is old, and open another one for its next request.
func aging(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if at, known := r.Context().Value(opened{}).(time.Time); known && time.Since(at) > connectionLife {
			w.Header().Set("Connection", "close")
		}
		inner.ServeHTTP(w, r)
	})
}
