package lease

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// Duration is how long the other members wait for a renewal before they take over what the holder owned.
	Duration = 15 * time.Second
	// RenewEvery leaves room for two renewals to fail.
	RenewEvery = 5 * time.Second
	// StaleAfter is within how long a renewal of each live Lease is observed. It is also how long a View counts as current that shows none
	// of the process's own.
	StaleAfter = RenewEvery + 2*time.Second
	// orphanedAfter is how long an expired Lease stays after its last renewal.
	orphanedAfter = time.Minute
)

// State is what a Lease says of its holder.
type State string

const (
	// Live is a Lease that is renewed.
	Live State = "live"
	// Expired is a Lease that was not renewed for its duration.
	Expired State = "expired"
	// Orphaned is a Lease that has been expired for long.
	Orphaned State = "orphaned"
)

// Observed is a Lease as this process observed it last.
type Observed struct {
	Name            string
	UID             types.UID
	ResourceVersion string

	renewTime    time.Time // by its holder's clock
	duration     time.Duration
	observedTime time.Time // when the renewal was observed, by our clock
}

// observe returns a Lease as observed now. before is what was observed of it last; nil: nothing.
//
// A renewTime that is older than twice the duration was written by a holder that died long ago, or whose clock is far off: the Lease
// counts from its next renewal on.
func observe(lease *coordinationv1.Lease, before *Observed, now time.Time) *Observed {
	o := &Observed{Name: lease.Name, UID: lease.UID, ResourceVersion: lease.ResourceVersion, duration: Duration, observedTime: now}
	if renewed := lease.Spec.RenewTime; renewed != nil {
		o.renewTime = renewed.Time
	}
	if seconds := lease.Spec.LeaseDurationSeconds; seconds != nil && *seconds > 0 {
		o.duration = time.Duration(*seconds) * time.Second
	}
	switch {
	case before == nil && now.Sub(o.renewTime) > 2*o.duration:
		o.observedTime = now.Add(-o.duration - 1)
	case before == nil:
		o.observedTime = now.Add(min(StaleAfter, o.duration) - o.duration)
	case before.renewTime.Equal(o.renewTime):
		o.observedTime = before.observedTime
	}
	return o
}

// State is the Lease's at a time, unless it is renewed before.
func (o *Observed) State(at time.Time) State {
	switch age := at.Sub(o.observedTime); {
	case age <= o.duration:
		return Live
	case age <= orphanedAfter:
		return Expired
	default:
		return Orphaned
	}
}

// expiry is the first moment at which the Lease is not live unless it is renewed.
func (o *Observed) expiry() time.Time { return o.observedTime.Add(o.duration + 1) }
