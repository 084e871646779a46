package alicloud

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/api"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/rpc"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

// maxBody is above what any operation takes.
const maxBody = 1 << 20

// answer is what goes back, complete before its first byte does.
type answer struct {
	status     int
	code       string // for counters
	body       []byte
	retryAfter time.Duration
	cut, flood bool
}

// ServeHTTP answers one call: route, authenticate, let faults strike, run the operation, count, send.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "the request body could not be read: it broke off, or is over 1 MiB", http.StatusRequestEntityTooLarge)
		return
	}
	to, call, err := c.receive(r, body)
	at := fault.Call{Cloud: Name, Service: to.service, Operation: to.operation, Identity: call.Caller.ARN}
	if to.key != nil {
		at.Keys = []string{to.key(call)}
	}
	strike := c.faults.Strike(at) // even of a call that is refused: a service that is down does not check signatures
	a := answer{code: "CallerGone", cut: true}
	if strike.Wait(r.Context()) {
		a = perform(to, call, err, strike.Failure, r.Host)
	}
	c.counters.Add(counter.Key{Cloud: Name, Service: to.service, Operation: to.operation, Identity: call.Caller.ARN, Code: a.code})
	if a.cut {
		panic(http.ErrAbortHandler) // net/http's way to close a connection without an answer
	}
	a.send(w)
}

// receive finds out what a request is for, and who asks. On an error the call names no caller.
func (c *Cloud) receive(r *http.Request, body []byte) (route, api.Call, error) {
	q, err := rpc.Parse(r, body)
	if err != nil {
		return route{service: unknown, operation: unknown}, api.Call{}, err
	}
	to := c.route(r, q)
	call := api.Call{Region: to.region, Now: c.clock(), Params: q.Params}
	if to.refusal != nil {
		return to, call, to.refusal
	}
	if q.Params["Format"] != "JSON" {
		return to, call, api.Errorf(http.StatusBadRequest, "InvalidParameter.Format", "This emulator answers JSON only: ask for Format=JSON.")
	}
	if to.anonymous {
		return to, call, nil
	}
	caller, err := c.authenticate(q, call.Now)
	if err == nil {
		call.Caller = caller
	}
	return to, call, err
}

func perform(to route, call api.Call, refusal error, failure *fault.Fault, host string) answer {
	if failure != nil {
		return fail(*failure, host)
	}
	if refusal != nil {
		return failed(refusal, host)
	}
	result, err := to.handle(call)
	if err != nil {
		return failed(err, host)
	}
	result["RequestId"] = api.NewID()
	return answer{status: http.StatusOK, code: "OK", body: encode(result)}
}

func failed(err error, host string) answer {
	var refusal *api.Error
	if !errors.As(err, &refusal) {
		refusal = api.Errorf(http.StatusInternalServerError, "InternalFailure", "The request processing has failed due to some unknown error.")
	}
	return answer{status: refusal.Status, code: refusal.Code, body: encode(map[string]any{
		"RequestId": api.NewID(), "HostId": host, "Code": refusal.Code, "Message": refusal.Message,
		"Recommend": "https://api.alibabacloud.com/troubleshoot",
	})}
}

// fail words an injected failure.
func fail(f fault.Fault, host string) answer {
	e := &api.Error{Status: f.Status, Code: f.Code, Message: f.Message}
	switch f.Kind {
	case fault.Cut:
		return answer{code: "ConnectionCut", cut: true}
	case fault.Garbage:
		return answer{status: http.StatusOK, code: "Garbage", body: []byte("<<<this is { no JSON")}
	case fault.Flood:
		return answer{code: "Flood", flood: true}
	case fault.Throttle:
		e = api.Errorf(http.StatusBadRequest, "Throttling.User", "Request was denied due to user flow control.")
	case fault.Outage:
		e = api.Errorf(http.StatusServiceUnavailable, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.")
	default:
		if e.Status == 0 {
			e.Status = http.StatusBadRequest
		}
	}
	a := failed(e, host)
	a.retryAfter = time.Duration(f.RetryAfter)
	return a
}

func encode(result map[string]any) []byte {
	b, _ := json.Marshal(result) // texts, and lists and maps of them, always encode
	return b
}

func (a answer) send(w http.ResponseWriter) {
	if a.flood {
		fault.WriteFlood(w, "application/json;charset=utf-8")
		return
	}
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	if a.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(a.retryAfter.Seconds()))))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a caller that hung up is not our trouble
}
