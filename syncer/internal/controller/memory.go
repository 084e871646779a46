package controller

import (
	"cmp"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/backoff"
)

// heartbeatsPerSecond bounds the status writes that say nothing new. One that is put off is due at
// the next attempt.
const heartbeatsPerSecond = 10

// memory is what the syncer remembers of objects between attempts: no values, and nothing that a
// restart must not lose. The zero value is ready to use.
type memory struct {
	mu      sync.Mutex
	objects map[types.NamespacedName]*remembered
	limits  limits
	beats   *rate.Limiter
}

// mayRead returns how long a read must wait that an edit asks for, or the force-sync annotation.
func (m *memory) mayRead(object types.NamespacedName, forced bool, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.limits.wait(object, forced, now)
}

// mayBeat reports whether there is room for one more heartbeat.
func (m *memory) mayBeat(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.beats == nil {
		m.beats = rate.NewLimiter(heartbeatsPerSecond, heartbeatsPerSecond)
	}
	return m.beats.AllowN(now, 1)
}

// gone stands for the resourceVersion of a Secret that was deleted, or lost its label.
const gone = "gone"

type remembered struct {
	written  string // resourceVersion of the Secret as last written or found right
	writing  bool   // a write is under way: its events may come before its answer
	seen     string // resourceVersion of the last event while it was, or gone
	failures int    // in a row
	repairs  int
	repaired time.Time // when the last repair was asked for
	owed     time.Time // when it is to be read again, be its sources due or not; zero: it need not be
	drifted  bool      // another client changed the Secret, and it has been neither read nor written for that since

	last attempt

	reported string       // resourceVersion of the object with the status below
	status   *plan.Record // as last written, until the cache shows it

	warned bool // that another controller serves it, too
}

func (m *memory) of(object types.NamespacedName) *remembered {
	if m.objects == nil {
		m.objects = map[types.NamespacedName]*remembered{}
	}
	if m.objects[object] == nil {
		m.objects[object] = &remembered{}
	}
	return m.objects[object]
}

func (m *memory) forget(object types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, object)
}

// startWrite says that a write is under way. Every call is followed by one of endWrite.
func (m *memory) startWrite(object types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of(object)
	known.writing, known.seen, known.drifted = true, "", false
}

// endWrite remembers what was written, empty where nothing was, and reports whether another client
// changed the Secret meanwhile.
func (m *memory) endWrite(object types.NamespacedName, resourceVersion string) (overtaken bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of(object)
	known.writing = false
	if resourceVersion == "" {
		return false
	}
	known.written = resourceVersion
	return known.seen != "" && known.seen != resourceVersion
}

// isOwnWrite reports whether a Secret is as this process left it, or is being written: then endWrite
// decides.
func (m *memory) isOwnWrite(object types.NamespacedName, resourceVersion string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.objects[object]
	if known == nil {
		return false
	}
	if known.writing {
		known.seen = cmp.Or(resourceVersion, gone)
		return true
	}
	return resourceVersion != "" && known.written == resourceVersion
}

// lastWrite is the resourceVersion of the Secret as this process last wrote it or found it right; empty: it never did.
func (m *memory) lastWrite(object types.NamespacedName) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known := m.objects[object]; known != nil {
		return known.written
	}
	return ""
}

// report remembers a status that was written.
func (m *memory) report(object Object, status plan.Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of(client.ObjectKeyFromObject(object))
	known.reported, known.status = object.GetResourceVersion(), &status
}

// seen forgets a status that was written once the cache shows it.
func (m *memory) seen(object client.Object) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known := m.objects[client.ObjectKeyFromObject(object)]; known != nil && !known.older(object) {
		known.reported, known.status = "", nil
	}
}

// older reports whether an object is as it was before its status was last written.
func (r *remembered) older(object client.Object) bool {
	if r.reported == "" {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(object.GetResourceVersion(), r.reported)
	return err == nil && order < 0
}

// newest is the status that was last written, where an object from the cache is older than that:
// compared with an older one, news might look like none.
func (m *memory) newest(object Object) (status plan.Record, newer bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.objects[client.ObjectKeyFromObject(object)]
	if known != nil && known.older(object) {
		return *known.status, true
	}
	return plan.Record{}, false
}

// warn reports whether no warning has been given yet that two controllers serve an object.
func (m *memory) warn(object types.NamespacedName) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of(object)
	first := !known.warned
	known.warned = true
	return first
}

// begin remembers that an object is read for an attempt.
func (m *memory) begin(object types.NamespacedName, a attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of(object)
	known.last, known.owed, known.drifted = a, time.Time{}, false
}

// owe says when an object is to be read again, be its sources due or not. The zero time: it need not be.
func (m *memory) owe(object types.NamespacedName, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(object).owed = at
}

// settle says as much after an attempt. What another client changed since the Secret was written is owed all the same.
func (m *memory) settle(object types.NamespacedName, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known := m.of(object); !known.drifted || !at.IsZero() && at.Before(known.owed) {
		known.owed = at
	}
}

// wait is how long it is until an attempt that is owed; 0: none is, or it is time.
func (m *memory) wait(object types.NamespacedName, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.objects[object]
	if known == nil || known.owed.IsZero() {
		return 0
	}
	return max(known.owed.Sub(now), 0)
}

// recall returns the last attempt, and whether another one is owed by now.
func (m *memory) recall(object types.NamespacedName, now time.Time) (last attempt, owed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.objects[object]
	if known == nil {
		return attempt{}, false
	}
	return known.last, !known.owed.IsZero() && !now.Before(known.owed)
}

// abandon forgets the last attempt of an object that may not be read any more: once it may, it is as
// if it were new.
func (m *memory) abandon(object types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known := m.objects[object]; known != nil {
		known.last, known.owed, known.drifted = attempt{}, time.Time{}, false
	}
}

// backoff counts a failure, or forgets those before, and says how long to wait.
func (m *memory) backoff(object types.NamespacedName, failed bool) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of(object)
	if !failed {
		known.failures = 0
		return 0
	}
	known.failures++
	return backoff.Step(known.failures, firstBackoff, lastBackoff)
}

// repair says how long to wait before a drifted Secret is repaired: at once the first time, longer
// each time that another client changes it again, until it has been left alone for a while.
func (m *memory) repair(object types.NamespacedName, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of(object)
	if now.Sub(known.repaired) > 2*lastBackoff {
		known.repairs = 0
	}
	known.repaired = now
	known.repairs++
	wait := time.Duration(0)
	if known.repairs > 1 {
		wait = backoff.Step(known.repairs-1, firstBackoff, lastBackoff)
	}
	known.owed, known.drifted = now.Add(wait), true
	return wait
}
