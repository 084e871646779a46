package rpc

import (
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/api"
)

// Nonces remembers what has been used, so that no request is taken twice. Its zero value is empty and ready.
type Nonces struct {
	mu     sync.Mutex
	used   map[string]time.Time // when it may be forgotten
	pruned time.Time
}

// Use refuses a request whose access key has used the nonce before. Only requests with a good signature may be asked about:
// an unauthenticated caller could use up the nonces of others.
func (n *Nonces) Use(q Request, now time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.used == nil {
		n.used = map[string]time.Time{}
	}
	if now.Sub(n.pruned) > time.Minute {
		maps.DeleteFunc(n.used, func(_ string, until time.Time) bool { return until.Before(now) })
		n.pruned = now
	}
	nonce := q.Params["AccessKeyId"] + "\n" + q.Params["SignatureNonce"]
	if _, twice := n.used[nonce]; twice {
		return api.Errorf(http.StatusBadRequest, "SignatureNonceUsed", "Specified signature nonce was used already.")
	}
	// A request from the edge of the future is refused by its time once this has passed.
	n.used[nonce] = now.Add(2 * skew)
	return nil
}
