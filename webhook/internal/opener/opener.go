// Package opener asks the syncer whether the cluster's keys open what an object holds sealed: the webhook has none. Nothing else that the
// webhook does depends on the answer, which comes within a second, or is unknown.
package opener

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/fair"
	"github.com/secretgate/secretgate/shared/opening"
	"github.com/secretgate/secretgate/shared/peer"
	"github.com/secretgate/secretgate/shared/plan"
)

const (
	// atOnce bounds how many objects are asked about at a time: a request has a copy of an object's values, some two MiB at most.
	atOnce = 4
	// rest is for how long nothing is asked where the syncer cannot be reached, so that not each object waits for that.
	rest = 5 * time.Second
	// maxResponse bounds what is read of an answer.
	maxResponse = 64 << 10
)

// Opener asks. Its fields may not be changed once it is in use.
type Opener struct {
	Address string // host:port
	Peer    *peer.Peer
	Log     *slog.Logger

	prepare sync.Once
	client  *http.Client
	turns   fair.Turns

	mu      sync.Mutex
	resting time.Time // until when nothing is asked
	failing bool      // the last attempt to reach the syncer failed
}

// Opens says of what a plan holds sealed which values no key of the cluster opens, with why. unknown says why not all of it is known, as a
// sentence without an end; empty: it is. Objects of different namespaces take turns.
func (o *Opener) Opens(ctx context.Context, p *plan.Plan) (closed field.ErrorList, unknown string) {
	var entries []*plan.Entry
	for i := range p.Entries {
		if p.Entries[i].IsSealed() {
			entries = append(entries, &p.Entries[i])
		}
	}
	if len(entries) == 0 {
		return nil, ""
	}
	ctx, cancel := context.WithTimeout(ctx, opening.MaxTime)
	defer cancel()
	if o.rests(time.Now()) {
		return nil, "the syncer cannot be reached"
	}
	o.prepare.Do(func() {
		o.turns.Width = atOnce
		o.client = o.newClient()
	})
	end, err := o.turns.Acquire(ctx, p.Object.Namespace)
	if err != nil {
		return nil, "the webhook had no time to ask, since it asks for too many objects"
	}
	defer end()
	response, err := o.ask(ctx, p.Object.Namespace, entries)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, "the syncer did not answer in time"
	case err != nil:
		o.failed(ctx, err)
		return nil, "the syncer cannot be asked"
	}
	o.answered(ctx)
	for _, c := range response.Closed {
		if c.Value >= 0 && c.Value < len(entries) {
			closed = append(closed, &field.Error{Type: field.ErrorTypeForbidden, Field: entries[c.Value].Field, Detail: c.Why})
		}
	}
	return closed, response.Unknown
}

// ask sends the values, and reads the answer.
func (o *Opener) ask(ctx context.Context, namespace string, entries []*plan.Entry) (response opening.Response, err error) {
	values := make([]opening.Value, 0, len(entries))
	for _, e := range entries {
		values = append(values, opening.Value{Ciphertext: []byte(e.Sealed.Ciphertext), Label: e.Sealed.Label})
	}
	body, err := json.Marshal(opening.Request{Values: values})
	if err != nil {
		return response, err
	}
	within := opening.MaxTime
	if deadline, is := ctx.Deadline(); is {
		within = time.Until(deadline)
	}
	at := url.URL{Scheme: "https", Host: o.Address, Path: opening.Path, RawQuery: opening.Query(namespace, within).Encode()}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), bytes.NewReader(body))
	if err != nil {
		return response, err
	}
	request.Header["X-Idempotency-Key"] = nil // it is not sent: it lets a request be repeated whose connection the syncer had closed
	answer, err := o.client.Do(request)
	if err != nil {
		return response, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxResponse))
	switch {
	case err != nil:
		return response, err
	case answer.StatusCode == http.StatusServiceUnavailable:
		return opening.Response{Unknown: "the syncer had no time to answer"}, nil
	case answer.StatusCode != http.StatusOK:
		return response, fmt.Errorf("the syncer answers with status %s", answer.Status)
	}
	err = json.Unmarshal(text, &response)
	return response, err
}

// newClient speaks to the syncer alone: past proxies, and without following it elsewhere.
func (o *Opener) newClient() *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: opening.MaxTime}, Config: o.Peer.Client()}
				conn, err := dialer.DialContext(ctx, network, address)
				if err != nil && !errors.Is(err, context.Canceled) { // a request that waited for it may have ended by now
					o.failed(ctx, err)
				}
				return conn, err
			},
			MaxIdleConnsPerHost: atOnce, IdleConnTimeout: 30 * time.Second, DisableCompression: true, MaxResponseHeaderBytes: 4 << 10,
		},
	}
}

func (o *Opener) rests(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return now.Before(o.resting)
}

// failed notes that the syncer cannot be reached, and logs the first time.
func (o *Opener) failed(ctx context.Context, err error) {
	o.mu.Lock()
	first := !o.failing
	o.failing, o.resting = true, time.Now().Add(rest)
	o.mu.Unlock()
	if first {
		o.Log.WarnContext(ctx, "The syncer cannot be asked whether SealedSecrets can be opened: they are stored without an answer",
			"address", o.Address, "error", err)
	}
}

// answered notes that it can be reached.
func (o *Opener) answered(ctx context.Context) {
	o.mu.Lock()
	first := o.failing
	o.failing, o.resting = false, time.Time{}
	o.mu.Unlock()
	if first {
		o.Log.InfoContext(ctx, "The syncer says again whether SealedSecrets can be opened", "address", o.Address)
	}
}
