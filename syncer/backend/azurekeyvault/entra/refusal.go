package entra

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

// MetadataHost is where virtual machines find their managed identity; no proxy leads there.
const MetadataHost = "169.254.169.254"

// record remembers the last call of a request for a token. The SDK turns what went wrong into text, from which it could
// not be told any more.
type record struct {
	http.RoundTripper
	ofStore bool // a Store says who logs in

	mu   sync.Mutex
	last outcome
}

// outcome is how a call ended: with an error of the network's, or with an answer, whose body is kept unless it is a success.
type outcome struct {
	host   string
	err    error
	status int
	header http.Header
	body   []byte
}

// RoundTrip implements http.RoundTripper.
func (r *record) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.RoundTripper.RoundTrip(request)
	last := outcome{host: request.URL.Hostname(), err: err}
	if err == nil {
		last.status, last.header = response.StatusCode, response.Header
	}
	if last.status >= http.StatusBadRequest {
		last.body, last.err = io.ReadAll(response.Body)
		_ = response.Body.Close()
		response.Body = io.NopCloser(bytes.NewReader(last.body))
		if err = last.err; err != nil {
			response = nil
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = last
	return response, err
}

// failed says why there is no token. It holds no error of the SDK's, which may quote the answer, token included.
func failed(kind driver.Kind, text string) *driver.Error {
	e := &driver.Error{Kind: kind, Problem: "no login: " + text}
	if strings.Contains(text, "AdditionallyAllowedTenants") { // what the SDK would have a programmer set; its error has no type
		e.Hint = "set AZURE_TENANT_ID to the tenant of the vault, or name that in AZURE_ADDITIONALLY_ALLOWED_TENANTS"
	}
	return e
}

// unopened words why there is no credential to ask for a token with. What the cluster said of one that a Store refers to is kept.
func (t *Tokens) unopened(err error) error {
	own, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return notSetUp(err)
	}
	return &driver.Error{Kind: own.Kind, Problem: "no login: " + own.Problem, Hint: own.Hint}
}

// refused has the hint of an error speak of the store, where that says who logs in: no setting of the syncer is of use then.
func (t *Tokens) refused(err error) error {
	if own, ok := errors.AsType[*driver.Error](err); ok && t.ofStore && own.Hint != "" {
		own.Hint = "name the tenant of the vault in the store"
	}
	return err
}

// notSetUp is for credentials that cannot even be tried.
func notSetUp(err error) error { return failed(driver.Unauthenticated, err.Error()) }

// refusal words why a credential gave no token, by the last call that was made.
func (r *record) refusal(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.last
	switch {
	case last.err != nil && last.host == MetadataHost && isAbsence(last.err):
		absence := "neither a client secret nor a workload identity is set up, and no managed identity answers"
		if r.ofStore {
			absence = "no managed identity answers"
		}
		return notSetUp(fmt.Errorf("%s: %w", absence, last.err))
	case last.err != nil:
		return failed(driver.Unavailable, last.err.Error())
	case last.status == 0:
		return notSetUp(err) // no call was made
	case last.status < http.StatusBadRequest:
		return failed(driver.Unavailable, "the answer of "+last.host+" is not Entra ID's")
	}
	kind := transport.KindOf(last.status)
	if kind == driver.Invalid || kind == driver.Denied || kind == driver.NotFound {
		kind = driver.Unauthenticated
	}
	return transport.Postpone(failed(kind, oauthError(last)), last.header)
}

// isAbsence reports whether no server is at an address, rather than a slow one. An unanswered dial passes for a deadline, too.
func isAbsence(err error) bool {
	call, ok := errors.AsType[*net.OpError](err)
	return ok && call.Op == "dial" || !errors.Is(err, context.DeadlineExceeded)
}

// oauthError is Entra's answer, or a metadata endpoint's, without what is another each time.
func oauthError(last outcome) string {
	var said struct {
		Code    string `json:"error"`
		Message string `json:"error_description"`
	}
	if json.Unmarshal(last.body, &said) != nil || said.Code == "" {
		return fmt.Sprintf("HTTP status %d of %s without an answer of Entra ID's", last.status, last.host)
	}
	message, _, _ := strings.Cut(said.Message, "Trace ID:")
	return strings.Trim(driver.Word(said.Code)+": "+message, ": ")
}
