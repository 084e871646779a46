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

// States are the states of all Leases, by name.
func (v *View) States(now time.Time) map[string]State {
	at, states := v.evaluationTime(now), make(map[string]State, len(v.leases))
	for name, o := range v.leases {
		states[name] = o.state(at)
	}
	return states
}

// Live are the names of the Leases that are live, in order.
func (v *View) Live(now time.Time) []string {
	var names []string
	for name, state := range v.States(now) {
		if state == Live {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Orphaned are the Leases that may be deleted. The process's own never is.
func (v *View) Orphaned(now time.Time) []Observed {
	var orphaned []Observed
	for name, state := range v.States(now) {
		if state == Orphaned && name != v.Own {
			orphaned = append(orphaned, *v.leases[name])
		}
	}
	return orphaned
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
			if o.state(at) == Live {
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
