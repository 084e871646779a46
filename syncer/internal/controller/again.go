package controller

import (
	"time"

	"github.com/secretgate/secretgate/shared/plan"
)

// When an object is looked at again. Three things bring that about: a source that has changed or recovered, of which the engine tells;
// an edit of the object, of what it refers to or of its namespace; and what stands here.

// Back-off of attempts that failed, and of repairs of a Secret that another client keeps changing.
const (
	firstBackoff = time.Second
	lastBackoff  = 5 * time.Minute
)

// heartbeatRetry is how soon a heartbeat is tried again that was put off, or whose time may not have come
// since the sources have not been read again yet.
const heartbeatRetry = 5 * time.Second

// again is when an object is read again by itself, be its sources due or not, and otherwise what has it read.
type again struct {
	after time.Duration // 0: something else must happen first
	when  string        // for the log
}

// again says so after an attempt, given the object's interval (0: none) and the back-off that its failures have come to.
func (o outcome) again(interval, backoff time.Duration) again {
	switch {
	case o.overtaken:
		return again{firstBackoff, "in a moment"}
	case o.rests:
		return again{lastBackoff, "after a back-off"}
	case o.retry && interval > 0 && backoff > interval:
		return again{interval, "after a back-off"}
	case o.retry:
		return again{backoff, "after a back-off"}
	}
	switch o.reason {
	case plan.ReasonInvalidSpec:
		return again{when: "when the object changes"}
	case plan.ReasonStoreNotFound:
		return again{when: "when what it refers to is there"}
	case plan.ReasonPolicyDenied:
		return again{when: "when the object or its namespace changes"}
	case plan.ReasonInvalidValue:
		return again{when: "when a value changes"}
	default:
		return again{when: "when the backend is read again, after a back-off"}
	}
}

// sooner is the shorter one; 0 stands for never.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}
