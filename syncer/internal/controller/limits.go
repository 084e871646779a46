package controller

import (
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/syncer/internal/ratelimit"
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
	objects    ratelimit.Keyed[types.NamespacedName]
	namespaces ratelimit.Keyed[string]
}

// wait counts a read of an object now, and returns 0; or returns how long it must wait, and counts nothing.
func (l *limits) wait(object types.NamespacedName, forced bool, now time.Time) time.Duration {
	reservations := []*rate.Reservation{l.objects.Of(object, rate.Every(readEvery), readBurst, now).ReserveN(now, 1)}
	if forced {
		reservations = append(reservations,
			l.namespaces.Of(object.Namespace, namespaceForces, namespaceForceBurst, now).ReserveN(now, 1))
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
