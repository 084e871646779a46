package controller

import (
	"time"

	"github.com/secretgate/secretgate/shared/plan"
)

// When an object is reconciled again. Three things cause that: a source that has changed or recovered, by a notification of the
// engine; an edit of the object, of what it refers to or of its namespace; and the back-off in this file.

// Back-off of attempts that failed, and of repairs of a Secret that another client keeps changing.
const (
	firstBackoff = time.Second
	lastBackoff  = 5 * time.Minute
)

// lastLook is the longest back-off of an object whose Secret another client is to make. It reads no backend.
const lastLook = time.Minute

// heartbeatRetry is how soon a heartbeat is tried again that was postponed, or has to wait for the next read of the sources.
const heartbeatRetry = 5 * time.Second

// nextAttempt is when an object is read again, whether or not its sources are due, or else what causes the next read.
type nextAttempt struct {
	after time.Duration // 0: what `when` says must happen first
	when  string        // for the log
}

// nextAttempt follows from an outcome, the object's interval (0: none) and the back-off after its failures so far.
func (o outcome) nextAttempt(interval, backoff time.Duration) nextAttempt {
	switch {
	case o.overtaken:
		return nextAttempt{firstBackoff, "in a moment"}
	case o.reason == plan.ReasonSecretMissing:
		return nextAttempt{min(backoff, lastLook), "when the Secret is there"}
	case o.longBackoff:
		return nextAttempt{lastBackoff, "after a back-off"}
	case o.retry && interval > 0 && backoff > interval:
		return nextAttempt{interval, "after a back-off"}
	case o.retry:
		return nextAttempt{backoff, "after a back-off"}
	}
	switch o.reason {
	case plan.ReasonInvalidSpec:
		return nextAttempt{when: "when the object changes"}
	case plan.ReasonStoreNotFound:
		return nextAttempt{when: "when what it refers to is there"}
	case plan.ReasonPolicyDenied:
		return nextAttempt{when: "when the object or its namespace changes"}
	case plan.ReasonInvalidValue, plan.ReasonTemplateFailed:
		return nextAttempt{when: "when a value changes"}
	default:
		return nextAttempt{when: "when the backend is read again, after a back-off"}
	}
}

// sooner is the shorter of two durations; 0 means never.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}
