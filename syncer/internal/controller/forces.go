package controller

import (
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
)

// Forced refreshes: as many at once, and one more each so long; of an object, and of all of a namespace's.
const (
	forceEvery          = 10 * time.Second
	forceBurst          = 3
	namespaceForces     = 1 // a second
	namespaceForceBurst = 20
)

// mayForce tells how long a forced refresh must wait, so that tenants do not set the bill.
func (m *memory) mayForce(object types.NamespacedName, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of(object)
	if known.forces == nil {
		known.forces = rate.NewLimiter(rate.Every(forceEvery), forceBurst)
	}
	if m.forces == nil {
		m.forces = map[string]*rate.Limiter{}
	}
	namespace := m.forces[object.Namespace]
	if namespace == nil {
		namespace = rate.NewLimiter(namespaceForces, namespaceForceBurst)
		m.forces[object.Namespace] = namespace
	}
	own, shared := known.forces.ReserveN(now, 1), namespace.ReserveN(now, 1)
	wait := max(own.DelayFrom(now), shared.DelayFrom(now))
	if wait > 0 {
		own.CancelAt(now)
		shared.CancelAt(now)
	}
	return wait
}
