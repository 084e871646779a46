package admit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

const (
	// bodyTime bounds how long a body may take to arrive, since it counts in the limiter meanwhile: API servers send at once.
	bodyTime = 2 * time.Second
	// longestTimeout is that of our webhooks, and of callers that send none; API servers do.
	longestTimeout = 5 * time.Second
	// maxDrained bounds what is read and discarded of a refused review: its sender reads the answer once it has sent everything. API
	// servers send no more.
	maxDrained = 8 << 20
)

// Handler judges reviews, and answers those that are refused before they are read.
type Handler interface {
	admission.Handler
	// answer makes the response to a request, and reports it. Only the outlines of the request need to be known.
	answer(ctx context.Context, request admission.Request, v verdict) admission.Response
}

// Intake wraps a webhook's handler: it acquires a review's bytes from the limiter before it reads them, and refuses reviews that are
// too large or do not arrive. Any client that reaches the port can send reviews.
type Intake struct {
	limiter *Limiter
	handler Handler
	webhook http.Handler // which decodes reviews for the handler
}

// NewIntake wraps a handler with a limiter, which several handlers may share.
func NewIntake(limiter *Limiter, handler Handler) *Intake {
	return &Intake{limiter: limiter, handler: handler, webhook: &admission.Webhook{Handler: handler}}
}

// ServeHTTP implements http.Handler.
func (i *Intake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	timeout := timeoutOf(r)
	ctx, cancel := context.WithTimeout(r.Context(), timeout-timeout/5) // the rest is for the response
	defer cancel()
	if r.ContentLength < 0 {
		http.Error(w, "an AdmissionReview without a Content-Length is not read", http.StatusLengthRequired)
		return
	}
	body := &arriving{from: r.Body, connection: http.NewResponseController(w)}
	head, err := body.read(nil, min(r.ContentLength, smallReview))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestTimeout)
		return
	}
	outlines := outlinesOf(head)
	if r.ContentLength > maxReview {
		body.drain()
		i.refuse(ctx, w, outlines, tooLarge, fmt.Errorf("the review has %d KiB, and no more than %d KiB are judged, "+
			"with objects of %d KiB at most, as etcd stores no more: make several objects of it",
			kibibytes(r.ContentLength), kibibytes(maxReview), kibibytes(maxObject)))
		return
	}
	release, err := i.limiter.reviews.acquire(ctx, outlines.Namespace, int(r.ContentLength))
	if err != nil {
		body.drain()
		i.refuse(ctx, w, outlines, overloaded, err)
		return
	}
	defer release()
	whole, err := body.read(head, r.ContentLength)
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestTimeout)
		return
	}
	r = r.WithContext(ctx)
	r.Body = io.NopCloser(bytes.NewReader(whole))
	i.webhook.ServeHTTP(w, r)
}

// timeoutOf is how long the caller waits for the answer: API servers say it in the query.
func timeoutOf(r *http.Request) time.Duration {
	timeout, err := time.ParseDuration(r.URL.Query().Get("timeout"))
	if err != nil || timeout <= 0 {
		return longestTimeout
	}
	return min(timeout, longestTimeout)
}

// arriving is a body that is still being received.
type arriving struct {
	from       io.Reader
	connection *http.ResponseController
}

// read reads on from what was read before, up to a length.
func (a *arriving) read(before []byte, length int64) ([]byte, error) {
	if int64(len(before)) == length {
		return before, nil
	}
	whole := make([]byte, length)
	n := copy(whole, before)
	a.setDeadline()
	if _, err := io.ReadFull(a.from, whole[n:]); err != nil {
		return nil, fmt.Errorf("the AdmissionReview did not arrive within %s: %w", bodyTime, err)
	}
	// Otherwise the call would be cancelled once that time has passed.
	_ = a.connection.SetReadDeadline(time.Time{})
	return whole, nil
}

// drain reads and discards what is left.
func (a *arriving) drain() {
	a.setDeadline()
	_, _ = io.CopyN(io.Discard, a.from, maxDrained) // a sender of an endless body may miss the answer
	_ = a.connection.SetReadDeadline(time.Time{})
}

// setDeadline sets bodyTime. It cannot fail on a server's connection.
func (a *arriving) setDeadline() { _ = a.connection.SetReadDeadline(time.Now().Add(bodyTime)) }

func (i *Intake) refuse(ctx context.Context, w http.ResponseWriter, outlines admissionv1.AdmissionRequest, why reason, cause error) {
	if outlines.UID == "" { // an API server would not understand an answer without it
		http.Error(w, cause.Error(), int(statuses[why].code))
		return
	}
	request := admission.Request{AdmissionRequest: outlines}
	response := i.handler.answer(ctx, request, verdict{reason: why, cause: cause})
	if err := response.Complete(request); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "AdmissionReview"},
		Response: &response.AdmissionResponse,
	})
}
