package google

import (
	"context"
	"net/http"

	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

// call is what faults and counters know of a call.
type call struct {
	service, operation, identity string
	keys                         []string
}

// strike asks what goes wrong with a call, and delays it. It does so even for one that is refused: a service that is down
// does not check credentials. gone: the caller hung up meanwhile.
func (c *Cloud) strike(ctx context.Context, at call) (failure *fault.Fault, gone bool) {
	strike := c.faults.Strike(fault.Call{
		Cloud: Name, Service: at.service, Operation: at.operation, Identity: at.identity, Keys: at.keys,
	})
	return strike.Failure, !strike.Wait(ctx)
}

func (c *Cloud) count(at call, code string) {
	c.counters.Add(counter.Key{Cloud: Name, Service: at.service, Operation: at.operation, Identity: at.identity, Code: code})
}

// cut ends a call without an answer: net/http resets its stream, or closes a connection of HTTP/1.
func (c *Cloud) cut(at call, code string) {
	c.count(at, code)
	panic(http.ErrAbortHandler)
}

// page is an answer that is of no protocol.
func page(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = w.Write([]byte("<<<this is { neither gRPC nor JSON")) // a caller that hung up is not our trouble
}
