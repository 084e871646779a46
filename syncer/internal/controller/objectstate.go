package controller

import (
	"cmp"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/syncer/internal/backoff"
)

// heartbeatsPerSecond bounds the status writes that change only times. One that is postponed is due at the next attempt.
const heartbeatsPerSecond = 10

// objectStates holds the state of objects between attempts: no values, and nothing that a restart must
// not lose. The zero value is ready to use.
type objectStates struct {
	mu         sync.Mutex
	objects    map[types.NamespacedName]*objectState
	limits     limits
	heartbeats *rate.Limiter

	unkept unkept // what the status of the kind has no place for
	learnt bool   // of what its type has no place for
}

// mayRead returns how long a read must wait that an edit or the force-sync annotation triggers.
func (s *objectStates) mayRead(object types.NamespacedName, forced bool, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limits.wait(object, forced, now)
}

// mayHeartbeat reports whether the rate permits one more heartbeat.
func (s *objectStates) mayHeartbeat(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heartbeats == nil {
		s.heartbeats = rate.NewLimiter(heartbeatsPerSecond, heartbeatsPerSecond)
	}
	return s.heartbeats.AllowN(now, 1)
}

// gone replaces the resourceVersion of a Secret that was deleted, or lost its label.
const gone = "gone"

// objectState is the state of one object.
type objectState struct {
	written  string // resourceVersion of the Secret as last written or found right
	writing  bool   // a write is under way: its events may come before its answer
	seen     string // resourceVersion of the last event while it was, or gone
	failures int    // in a row
	repairs  int
	repaired time.Time // when the last repair was triggered
	retryAt  time.Time // when to read it again, whether or not its sources are due; zero: no retry
	drifted  bool      // another client changed the Secret, and it has been neither read nor written for that since

	last attempt
	// again: it was to be attempted at once, however long its back-off, and has not been since. An attempt that is under way may not know why.
	again bool

	reported *writtenStatus // nil: the status in the cache is all that is known

	warned bool // that another controller serves it, too

	takenOver types.UID // of the object whose takeover has ended
}

func (s *objectStates) of(object types.NamespacedName) *objectState {
	if s.objects == nil {
		s.objects = map[types.NamespacedName]*objectState{}
	}
	if s.objects[object] == nil {
		s.objects[object] = &objectState{}
	}
	return s.objects[object]
}

func (s *objectStates) forget(object types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, object)
}

// startWrite records that a write is under way. Every call is followed by one of endWrite.
func (s *objectStates) startWrite(object types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.of(object)
	state.writing, state.seen, state.drifted = true, "", false
}

// endWrite records what was written, empty where nothing was, and reports whether another client
// changed the Secret meanwhile.
func (s *objectStates) endWrite(object types.NamespacedName, resourceVersion string) (overtaken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.of(object)
	state.writing = false
	if resourceVersion == "" {
		return false
	}
	state.written = resourceVersion
	return state.seen != "" && state.seen != resourceVersion
}

// forgetWrite forgets what was last written: there is no Secret any more, and that is right.
func (s *objectStates) forgetWrite(object types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of(object).written = ""
}

// isOwnWrite reports whether a Secret is as this process left it, or is being written: then endWrite
// decides.
func (s *objectStates) isOwnWrite(object types.NamespacedName, resourceVersion string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.objects[object]
	if state == nil {
		return false
	}
	if state.writing {
		state.seen = cmp.Or(resourceVersion, gone)
		return true
	}
	return resourceVersion != "" && state.written == resourceVersion
}

// lastWrite is the resourceVersion of the Secret as this process last wrote it or found it right; empty: it never did.
func (s *objectStates) lastWrite(object types.NamespacedName) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state := s.objects[object]; state != nil {
		return state.written
	}
	return ""
}

// warn reports whether no warning has been given yet that two controllers serve an object.
func (s *objectStates) warn(object types.NamespacedName) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.of(object)
	first := !state.warned
	state.warned = true
	return first
}

// isTakenOver reports whether the takeover of an object has ended.
func (s *objectStates) isTakenOver(object types.NamespacedName, uid types.UID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.objects[object]
	return state != nil && state.takenOver == uid
}

// takeOver records that the takeover of an object has ended.
func (s *objectStates) takeOver(object types.NamespacedName, uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of(object).takenOver = uid
}

// startAttempt records that an object is read for an attempt.
func (s *objectStates) startAttempt(object types.NamespacedName, a attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.of(object)
	state.last, state.retryAt, state.drifted, state.again = a, time.Time{}, false, false
}

// retryNow has an object attempted at once, however long its back-off.
func (s *objectStates) retryNow(object types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of(object).again = true
}

// setRetryAt sets when to read an object again, whether or not its sources are due. The zero time: no retry.
func (s *objectStates) setRetryAt(object types.NamespacedName, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of(object).retryAt = at
}

// endAttempt sets retryAt after an attempt, but never delays the repair of what another client changed since the Secret was written.
func (s *objectStates) endAttempt(object types.NamespacedName, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state := s.of(object); !state.drifted || !at.IsZero() && at.Before(state.retryAt) {
		state.retryAt = at
	}
}

// wait is how long it is until the retry; 0: there is none, or it is due.
func (s *objectStates) wait(object types.NamespacedName, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.objects[object]
	if state == nil || state.retryAt.IsZero() {
		return 0
	}
	return max(state.retryAt.Sub(now), 0)
}

// lastAttempt returns the last attempt, and whether a retry is due by now.
func (s *objectStates) lastAttempt(object types.NamespacedName, now time.Time) (last attempt, retryDue bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.objects[object]
	if state == nil {
		return attempt{}, false
	}
	return state.last, state.again || !state.retryAt.IsZero() && !now.Before(state.retryAt)
}

// reset forgets the last attempt of an object that may not be read any more: once it may, it is as
// if it were new.
func (s *objectStates) reset(object types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state := s.objects[object]; state != nil {
		state.last, state.retryAt, state.drifted = attempt{}, time.Time{}, false
	}
}

// backoff counts a failure, or resets the count, and returns how long to wait.
func (s *objectStates) backoff(object types.NamespacedName, failed bool) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.of(object)
	if !failed {
		state.failures = 0
		return 0
	}
	state.failures++
	return backoff.Step(state.failures, firstBackoff, lastBackoff)
}

// repair returns how long to wait before a drifted Secret is repaired: not at all the first time, and longer each time that another
// client changes it again, until none has for a while.
func (s *objectStates) repair(object types.NamespacedName, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.of(object)
	if now.Sub(state.repaired) > 2*lastBackoff {
		state.repairs = 0
	}
	state.repaired = now
	state.repairs++
	wait := time.Duration(0)
	if state.repairs > 1 {
		wait = backoff.Step(state.repairs-1, firstBackoff, lastBackoff)
	}
	state.retryAt, state.drifted = now.Add(wait), true
	return wait
}
