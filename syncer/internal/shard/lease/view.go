package lease

import (
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
)

// View is the Leases of one ring, by name, as one process observes them. The zero value, with Own, has observed nothing.
type View struct {
	// Own is the name of the process's own Lease: each of its renewals that comes back shows that the View is current.
	Own string

	leases  map[string]*Observed
	current time.Time
}

// Current is when the View was last known to be current; zero: nothing was observed yet.
func (v *View) Current() time.Time { return v.current }

// Replace takes a complete, consistent list of the Leases.
func (v *View) Replace(list []coordinationv1.Lease, now time.Time) {
	v.markCurrent(now)
	before := v.leases
	v.leases = make(map[string]*Observed, len(list))
	for i := range list {
		v.leases[list[i].Name] = observe(&list[i], before[list[i].Name], now)
	}
}

// Observe takes a Lease that was created or changed.
func (v *View) Observe(lease *coordinationv1.Lease, now time.Time) {
	if lease.Name == v.Own {
		v.markCurrent(now)
	}
	if v.leases == nil {
		v.leases = map[string]*Observed{}
	}
	v.leases[lease.Name] = observe(lease, v.leases[lease.Name], now)
}

// Remove takes the deletion of a Lease.
func (v *View) Remove(name string) { delete(v.leases, name) }

// Live are the names of the Leases that are live, in order.
func (v *View) Live(now time.Time) []string {
	var names []string
	for _, o := range v.in(Live, now) {
		names = append(names, o.Name)
	}
	slices.Sort(names)
	return names
}

// Orphaned are the Leases that may be deleted. The process's own never is.
func (v *View) Orphaned(now time.Time) []Observed {
	return slices.DeleteFunc(v.in(Orphaned, now), func(o Observed) bool { return o.Name == v.Own })
}

// in are the Leases in a state.
func (v *View) in(state State, now time.Time) []Observed {
	var leases []Observed
	for _, o := range v.leases {
		if o.State(v.evaluationTime(now)) == state {
			leases = append(leases, *o)
		}
	}
	return leases
}

// NextExpiry is when the next Lease expires unless it is renewed; zero: none can.
func (v *View) NextExpiry(now time.Time) time.Time {
	var next time.Time
	for _, o := range v.leases {
		if expiry := o.expiry(); expiry.After(now) && (next.IsZero() || expiry.Before(next)) {
			next = expiry
		}
	}
	return next
}

// markCurrent gives each Lease that was live in a stale View a full duration.
func (v *View) markCurrent(now time.Time) {
	if now.Sub(v.current) > StaleAfter {
		at := v.evaluationTime(now)
		for _, o := range v.leases {
			if o.State(at) == Live {
				o.observedTime = now
			}
		}
	}
	v.current = now
}

// evaluationTime is now, or for a stale View when it was last current.
func (v *View) evaluationTime(now time.Time) time.Time {
	if latest := v.current.Add(StaleAfter); now.After(latest) {
		return latest
	}
	return now
}
