package aws

import (
	"cmp"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

// maxBody is above what any operation takes.
const maxBody = 1 << 20

// answer is what goes back, complete before its first byte does.
type answer struct {
	status      int
	code        string // for counters
	contentType string
	body        []byte
	retryAfter  time.Duration
	cut, flood  bool
}

// ServeHTTP answers one call: route, authenticate, let faults strike, run the operation, count, send.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if request, ok := c.metadata.Route(r); ok {
		c.serveMetadata(w, r, request)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "the request body could not be read: it broke off, or is over 1 MiB", http.StatusRequestEntityTooLarge)
		return
	}
	requestID := api.NewID()
	to := c.route(r, body)
	call, refusal := api.Call{Now: c.clock()}, to.refusal
	if refusal == nil {
		call, refusal = c.authenticate(r, body, to, c.clock())
	}
	strike := c.strike(to, call)
	var a answer
	switch waited := strike.Wait(r.Context()); {
	case !waited:
		a = answer{code: "CallerGone", cut: true}
	case strike.Failure != nil:
		a = fail(to.protocol, requestID, *strike.Failure)
	case refusal != nil:
		a = to.protocol.answerError(requestID, refusal)
	default:
		a = run(to, call, requestID)
	}
	c.counters.Add(counter.Key{Cloud: Name, Service: to.service, Operation: to.operation, Identity: call.Caller.ARN, Code: a.code})
	if a.cut {
		panic(http.ErrAbortHandler) // net/http's way to close a connection without an answer
	}
	a.send(w, requestID, c.clock())
}

// strike asks what goes wrong with the call. It does so even for one that is refused: a service that is
// down does not check signatures.
func (c *Cloud) strike(to route, call api.Call) fault.Strike {
	at := fault.Call{Cloud: Name, Service: to.service, Operation: to.operation, Identity: call.Caller.ARN}
	if to.keys != nil {
		at.Keys = to.keys(call)
	}
	return c.faults.Strike(at)
}

func run(to route, call api.Call, requestID string) answer {
	result, err := to.handle(call)
	if err == nil {
		var body []byte
		if body, err = to.protocol.success(to.operation, requestID, result); err == nil {
			return answer{status: http.StatusOK, code: "OK", contentType: to.protocol.contentType, body: body}
		}
	}
	var refusal *api.Error
	if !errors.As(err, &refusal) {
		refusal = &api.Error{
			Code: "InternalServiceError", Message: "An error occurred on the server side.", Status: http.StatusInternalServerError,
		}
	}
	return to.protocol.answerError(requestID, refusal)
}

func (p *protocol) answerError(requestID string, e *api.Error) answer {
	return answer{status: cmp.Or(e.Status, http.StatusBadRequest), code: e.Code, contentType: p.contentType, body: p.failure(requestID, e)}
}

// fail words an injected failure.
func fail(p *protocol, requestID string, f fault.Fault) answer {
	var e *api.Error
	switch f.Kind {
	case fault.Cut:
		return answer{code: "ConnectionCut", cut: true}
	case fault.Garbage:
		return answer{status: http.StatusOK, code: "Garbage", contentType: p.contentType, body: []byte("<<<this is { neither JSON nor XML")}
	case fault.Flood:
		return answer{code: "Flood", contentType: p.contentType, flood: true}
	case fault.Throttle:
		e = p.refuse(throttled, f.Message)
	case fault.Outage:
		e = p.refuse(unavailable, f.Message)
	default:
		e = &api.Error{Code: f.Code, Message: f.Message, Status: f.Status}
	}
	a := p.answerError(requestID, e)
	a.retryAfter = time.Duration(f.RetryAfter)
	return a
}

func (a answer) send(w http.ResponseWriter, requestID string, now time.Time) {
	if a.flood {
		fault.WriteFlood(w, a.contentType)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("X-Amzn-Requestid", requestID)
	// The SDKs learn their clock's skew from it.
	h.Set("Date", now.UTC().Format(http.TimeFormat))
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(a.retryAfter.Seconds()))))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a caller that hung up is not our trouble
}
