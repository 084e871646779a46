package azure

import (
	"cmp"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/azure/entra"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

// maxBody is above what any operation takes.
const maxBody = 1 << 20

// answer is what goes back.
type answer struct {
	status int
	code   string // for counters
	body   any
	// challenge is the WWW-Authenticate header.
	challenge  string
	retryAfter time.Duration
	garbage    bool
	cut, flood bool
}

func ok(body any) answer { return answer{status: http.StatusOK, code: "OK", body: body} }

// ServeHTTP answers one call: understand it and judge its caller, let faults strike, run it, count, send.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the request could not be read: it broke off, is over 1 MiB, or is no form", http.StatusBadRequest)
		return
	}
	operation := understand(r)
	if operation == nil {
		http.NotFound(w, r)
		return
	}
	to := operation(c, r, r.PostForm, c.clock())
	strike := c.faults.Strike(fault.Call{
		Cloud: Name, Service: to.service, Operation: to.operation, Identity: to.identity, Keys: to.keys,
	})
	var a answer
	switch waited := strike.Wait(r.Context()); {
	case !waited:
		a = answer{code: "CallerGone", cut: true}
	case strike.Failure != nil:
		a = fail(to.service, *strike.Failure, c.clock())
	default:
		a = to.answer()
	}
	c.counters.Add(counter.Key{Cloud: Name, Service: to.service, Operation: to.operation, Identity: to.identity, Code: a.code})
	if a.cut {
		panic(http.ErrAbortHandler) // net/http's way to close a connection without an answer
	}
	a.send(w)
}

// fail words an injected failure as the service would.
func fail(service string, f fault.Fault, now time.Time) answer {
	a := answer{retryAfter: time.Duration(f.RetryAfter)}
	switch f.Kind {
	case fault.Cut:
		return answer{code: "ConnectionCut", cut: true}
	case fault.Garbage:
		return answer{status: http.StatusOK, code: "Garbage", garbage: true}
	case fault.Flood:
		return answer{code: "Flood", flood: true}
	case fault.Throttle:
		a.status, a.code = http.StatusTooManyRequests, "Throttled"
	case fault.Outage:
		a.status, a.code = http.StatusServiceUnavailable, "ServiceUnavailable"
	default:
		a.status, a.code = cmp.Or(f.Status, http.StatusBadRequest), f.Code
	}
	message := cmp.Or(f.Message, "The request was not processed.")
	switch service {
	case vaultService:
		a.body = vaultError(a.code, message, "")
	case entraService:
		// Entra answers both with temporarily_unavailable.
		a.body = (&entra.Refusal{Code: "temporarily_unavailable", Number: 90055, Message: message}).Body(now)
	default:
		a.body = identityError(a.code, message)
	}
	return a
}

func (a answer) send(w http.ResponseWriter) {
	if a.flood {
		fault.WriteFlood(w, "application/json; charset=utf-8")
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	if a.challenge != "" {
		h.Set("WWW-Authenticate", a.challenge)
	}
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(a.retryAfter.Seconds()))))
	}
	w.WriteHeader(a.status)
	if a.garbage {
		_, _ = w.Write([]byte("<<<this is { no JSON"))
		return
	}
	_ = json.NewEncoder(w).Encode(a.body) // a caller that hung up is not our trouble
}
