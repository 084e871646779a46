package aws

import (
	"net/http"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/metadata"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

// SetInstanceRole gives the machine that asks for instance metadata a role by its ARN; empty takes it away.
func (c *Cloud) SetInstanceRole(arn string) { c.metadata.SetInstanceRole(arn) }

// serveMetadata is the door of the machine's own endpoints, which speak none of AWS's protocols.
func (c *Cloud) serveMetadata(w http.ResponseWriter, r *http.Request, request metadata.Request) {
	strike := c.faults.Strike(fault.Call{Cloud: Name, Service: request.Service, Operation: request.Operation})
	a := answer{code: "CallerGone", cut: true}
	switch waited := strike.Wait(r.Context()); {
	case !waited:
	case strike.Failure != nil && strike.Failure.Kind == fault.Cut:
		a.code = "ConnectionCut"
	case strike.Failure != nil && strike.Failure.Kind == fault.Flood:
		a = answer{code: "Flood", contentType: "application/json", flood: true}
	case strike.Failure != nil:
		a = answer{status: http.StatusServiceUnavailable, code: "ServiceUnavailable", contentType: "text/plain"}
	default:
		given := request.Handle(c.clock())
		a = answer{status: given.Status, code: given.Code, contentType: given.Type, body: given.Body}
	}
	c.counters.Add(counter.Key{Cloud: Name, Service: request.Service, Operation: request.Operation, Code: a.code})
	if a.cut {
		panic(http.ErrAbortHandler)
	}
	if request.Service == "imds" && request.Operation == "Token" && a.status == http.StatusOK {
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"))
	}
	a.send(w, api.NewID(), c.clock())
}
