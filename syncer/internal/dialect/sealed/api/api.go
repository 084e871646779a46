// Package api answers kubeseal: with the certificate to seal by, whether an object can be opened, and with an object that is sealed again
// by the newest key. It asks no client who it is, as Sealed Secrets does not: what it answers is no secret, and how often it answers is
// limited. At a port of its own it answers the webhook, which proves who it is.
//
//	api.go     the paths
//	object.go  the object that a client sends
//	limit.go   how often a client is answered
//	serve.go   the server, and what is measured
//	opens.go   what the webhook asks
package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/fair"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/dialect/sealed/keys"
)

const (
	// maxBody is what API servers read of a request.
	maxBody = 3 << 20
	// atOnce bounds how many objects are in memory.
	atOnce = 8
	// bodyTime and answerTime bound how long a body may take to come, and to be answered.
	bodyTime   = 5 * time.Second
	answerTime = 90 * time.Second
	// line is the line of all clients where openings take turns: no namespace is called so.
	line = "/clients"
	// maxNamed bounds how many entries an answer names.
	maxNamed = 20
)

// API answers kubeseal. Its fields may not be changed once it is in use.
type API struct {
	Keys *keys.Ring
	Kind dialect.Kind // whose objects are sealed
	Log  *slog.Logger
	Now  func() time.Time // nil: time.Now

	limits  limits
	objects fair.Turns
}

// Handler serves the paths.
func (a *API) Handler() http.Handler {
	a.objects.Width = atOnce
	mux := http.NewServeMux()
	mux.Handle("GET "+PathCert, http.HandlerFunc(a.cert))
	mux.Handle("POST "+PathVerify, a.limited(a.verify))
	mux.Handle("POST "+PathRotate, a.limited(a.rotate))
	return mux
}

// The paths.
const (
	PathCert   = "/v1/cert.pem"
	PathVerify = "/v1/verify"
	PathRotate = "/v1/rotate"
)

// Paths lists them.
func Paths() []string { return []string{PathCert, PathVerify, PathRotate} }

// cert answers with the certificate of the newest key.
func (a *API) cert(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), bodyTime)
	defer cancel()
	key, err := a.Keys.Newest(ctx)
	switch {
	case ctx.Err() != nil:
		http.Error(w, "the sealing keys have not been read yet: try again", http.StatusServiceUnavailable)
	case err != nil:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	case key == nil:
		http.Error(w, fmt.Sprintf("there is no sealing key in namespace %s yet: try again", a.Keys.Namespace), http.StatusServiceUnavailable)
	default:
		w.Header().Set("Content-Type", "application/x-pem-file")
		_, _ = w.Write(key.PEM())
	}
}

// answer is what a request is answered with.
type answer struct {
	status int
	text   string // for people; not where there is an object
	object []byte // JSON
}

// limited answers as many requests as the limits permit, and bounds their bodies.
func (a *API) limited(do func(ctx context.Context, s *sent) answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := time.Now
		if a.Now != nil {
			now = a.Now
		}
		from := clientOf(r)
		if !a.limits.allow(from, now()) {
			w.Header().Set("Retry-After", "1")
			http.Error(w, fmt.Sprintf("too many requests: a client may send %d a second", clientRate), http.StatusTooManyRequests)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), answerTime)
		defer cancel()
		end, err := a.objects.Acquire(ctx, from.peer)
		if err != nil {
			http.Error(w, "there was no time to answer: try again", http.StatusServiceUnavailable)
			return
		}
		defer end()
		result := a.read(ctx, w, r, do)
		if result.object != nil {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(result.status)
			_, _ = w.Write(result.object)
			return
		}
		if result.status == http.StatusOK {
			w.WriteHeader(result.status)
			return
		}
		a.Log.DebugContext(ctx, "A request of kubeseal's is refused", "path", r.URL.Path, "status", result.status)
		http.Error(w, result.text, result.status)
	})
}

func (a *API) read(ctx context.Context, w http.ResponseWriter, r *http.Request, do func(ctx context.Context, s *sent) answer) answer {
	connection := http.NewResponseController(w)
	_ = connection.SetReadDeadline(time.Now().Add(bodyTime)) // not every writer of a test has one
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	_ = connection.SetReadDeadline(time.Time{}) // else the request would end with it, while it is answered
	if large, is := errors.AsType[*http.MaxBytesError](err); is {
		return answer{status: http.StatusRequestEntityTooLarge, text: fmt.Sprintf("the object has more than %d bytes", large.Limit)}
	}
	if err != nil {
		return answer{status: http.StatusBadRequest, text: "the body did not arrive whole"}
	}
	s, err := decode(a.Kind, body)
	if err != nil {
		return answer{status: http.StatusBadRequest, text: err.Error()}
	}
	return do(ctx, s)
}

// verify answers whether all that an object has sealed can be opened. It renders nothing.
func (a *API) verify(ctx context.Context, s *sent) answer {
	return a.each(ctx, s, func(plan.Entry, []byte) error { return nil })
}

// rotate answers with the object, sealed again by the newest key. All else that it says stays as it is; nothing is rendered.
func (a *API) rotate(ctx context.Context, s *sent) answer {
	result := a.each(ctx, s, func(e plan.Entry, value []byte) error {
		ciphertext, err := a.Keys.Seal(ctx, value, e.Sealed.Label)
		if err != nil {
			return err
		}
		return s.replace(e, base64.StdEncoding.EncodeToString(ciphertext))
	})
	if result.status != http.StatusOK {
		return result
	}
	delete(s.members, "status")
	object, err := json.Marshal(s.members)
	if err != nil {
		return answer{status: http.StatusInternalServerError, text: "the object cannot be written"}
	}
	return answer{status: http.StatusOK, object: object}
}

// each opens each sealed entry of an object. The values are in memory for the call alone.
func (a *API) each(ctx context.Context, s *sent, do func(e plan.Entry, value []byte) error) answer {
	entries, err := s.sealed()
	if err != nil {
		return answer{status: http.StatusConflict, text: err.Error()}
	}
	var problems []string
	for _, e := range entries {
		value, err := a.Keys.Open(ctx, line, e.Sealed)
		if err == nil {
			err = do(e, value)
			clear(value)
			if err != nil {
				return answer{status: http.StatusBadRequest, text: e.Field + " cannot be sealed again: " + err.Error()}
			}
			continue
		}
		if ctx.Err() != nil {
			return answer{status: http.StatusServiceUnavailable, text: "there was no time to open all values: try again"}
		}
		if problems = append(problems, e.Field+": "+err.Error()); len(problems) == maxNamed {
			break
		}
	}
	if len(problems) > 0 {
		return answer{status: http.StatusConflict, text: strings.Join(problems, "\n")}
	}
	return answer{status: http.StatusOK}
}
