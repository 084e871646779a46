package membership

import (
	"time"

	"github.com/secretgate/secretgate/syncer/internal/shard/lease"
)

const (
	// retryEvery is the pause after a call that failed.
	retryEvery = time.Second
	// refusedEvery is the pause while calls are refused: something in the cluster has to change first.
	refusedEvery = lease.Duration
)

// access is what became of one kind of request to the API server. The zero value is due.
type access struct {
	due     time.Time // when the next one begins
	running bool
	last    time.Time // when it last had what it is for; zero: never
	err     error     // why the last one failed; nil: it did not
	refused bool      // one was refused since the last success
}

func (a *access) isDue(now time.Time) bool { return !a.running && !now.Before(a.due) }

func (a *access) succeeded(at time.Time) { a.last, a.err, a.refused = at, nil, false }

// ended takes the end of a request. A refusal may pass, so the pause is short until the refusal takes effect.
func (a *access) ended(err error, now time.Time) {
	a.running, a.due = false, now.Add(retryEvery)
	if err != nil {
		a.err, a.refused = err, a.refused || refused(err)
	}
	if refused(err) && now.Sub(a.last) > suspendAfter {
		a.due = now.Add(refusedEvery)
	}
}
