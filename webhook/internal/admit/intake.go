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
	// bodyTime bounds how long a body may take to arrive, since it holds its bytes meanwhile: API servers are near and send at once.
	bodyTime = 2 * time.Second
	// longestTimeout is our webhooks', and that of callers that do not name their own, as API servers do.
	longestTimeout = 5 * time.Second
	// maxDrained bounds what is read, and forgotten, of a review that is refused: its sender reads the answer once all is sent. API
	// servers send no more.
	maxDrained = 8 << 20
)

// Handler judges reviews, and answers those that were refused unread.
type Handler interface {
	admission.Handler
	// answer is the response to a request, of which only the outlines need to be known, and the report of it.
	answer(ctx context.Context, request admission.Request, v verdict) admission.Response
}

// Intake stands before a webhook's handler: it takes a review's bytes from the limiter before it reads them, and refuses what is too
// large or does not arrive. Any client that reaches the port can send reviews, long before we know what is in them.
type Intake struct {
	limiter *Limiter
	handler Handler
	webhook http.Handler // which decodes reviews for the handler
}

// NewIntake makes the way to a handler, which shares the limiter with others.
func NewIntake(limiter *Limiter, handler Handler) *Intake {
	return &Intake{limiter: limiter, handler: handler, webhook: &admission.Webhook{Handler: handler}}
}

// ServeHTTP implements http.Handler.
func (i *Intake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	timeout := timeoutOf(r)
	ctx, cancel := context.WithTimeout(r.Context(), timeout-timeout/5) // the rest is for the way back
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
	leave, err := i.limiter.reviews.enter(ctx, outlines.Namespace, int(r.ContentLength))
	if err != nil {
		body.drain()
		i.refuse(ctx, w, outlines, overloaded, err)
		return
	}
	defer leave()
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

// arriving is a body that is still on its way.
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
	a.hurry()
	if _, err := io.ReadFull(a.from, whole[n:]); err != nil {
		return nil, fmt.Errorf("the AdmissionReview did not arrive within %s: %w", bodyTime, err)
	}
	// Else the call would be cancelled once that time has passed.
	_ = a.connection.SetReadDeadline(time.Time{})
	return whole, nil
}

// drain reads what is left, and keeps nothing.
func (a *arriving) drain() {
	a.hurry()
	_, _ = io.CopyN(io.Discard, a.from, maxDrained) // a sender who does not come to an end may miss the answer
	_ = a.connection.SetReadDeadline(time.Time{})
}

// hurry cannot fail on a server's connection.
func (a *arriving) hurry() { _ = a.connection.SetReadDeadline(time.Now().Add(bodyTime)) }

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
