package controller

import (
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
)

// Limits of the reads that users trigger beside the refreshes: a burst, and then one read each period. The limit of an object
// covers forced refreshes and edits, which its interval does not bound; it permits as many reads as the shortest interval would
// cause. The limit of a namespace covers forced refreshes only: edits of many objects are often one rollout.
const (
	readEvery           = 10 * time.Second
	readBurst           = 3
	namespaceForces     = 1 // a second
	namespaceForceBurst = 20
)

// limits bounds the reads that tenants trigger, since each may cost money. An object that is deleted and made again is still
// limited. The zero value is ready to use.
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

// sweep removes limiters that are full again, at most once a minute.
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
