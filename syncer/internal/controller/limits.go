package controller

import (
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
)

// Reads that users ask for, beside the refreshes: as many at once, and one more each so long. Those of an object are forced
// refreshes and edits, whose number the interval of the object would not bound; what it may cost so is what the shortest
// interval would cost. Those of all of a namespace's objects are forced refreshes alone: an edit of many is often one rollout.
const (
	readEvery           = 10 * time.Second
	readBurst           = 3
	namespaceForces     = 1 // a second
	namespaceForceBurst = 20
)

// limits bounds the reads that tenants ask for, so that they do not set the bill. An object that is deleted and made again is
// still limited. The zero value is ready to use.
type limits struct {
	objects    map[types.NamespacedName]*rate.Limiter
	namespaces map[string]*rate.Limiter
	swept      time.Time
}

// wait counts a read of an object now, and returns 0; or returns how long it must wait, and counts nothing.
func (l *limits) wait(object types.NamespacedName, forced bool, now time.Time) time.Duration {
	l.sweep(now)
	if l.objects == nil {
		l.objects, l.namespaces = map[types.NamespacedName]*rate.Limiter{}, map[string]*rate.Limiter{}
	}
	reservations := []*rate.Reservation{
		limiter(l.objects, object, rate.Every(readEvery), readBurst).ReserveN(now, 1),
	}
	if forced {
		reservations = append(reservations, limiter(l.namespaces, object.Namespace, namespaceForces, namespaceForceBurst).ReserveN(now, 1))
	}
	wait := time.Duration(0)
	for _, r := range reservations {
		wait = max(wait, r.DelayFrom(now))
	}
	if wait > 0 {
		for _, r := range reservations {
			r.CancelAt(now)
		}
	}
	return wait
}

func limiter[K comparable](limiters map[K]*rate.Limiter, key K, every rate.Limit, burst int) *rate.Limiter {
	if limiters[key] == nil {
		limiters[key] = rate.NewLimiter(every, burst)
	}
	return limiters[key]
}

// sweep forgets, now and then, what limits nothing any more.
func (l *limits) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Minute {
		return
	}
	l.swept = now
	for object, limiter := range l.objects {
		if limiter.TokensAt(now) >= readBurst {
			delete(l.objects, object)
		}
	}
	for namespace, limiter := range l.namespaces {
		if limiter.TokensAt(now) >= namespaceForceBurst {
			delete(l.namespaces, namespace)
		}
	}
}
