package decision

import (
	"slices"
	"time"
)

// window is what budgets are counted over.
const window = time.Minute

// Budget bounds how many workloads are restarted within a minute. What it counts is what workloads say of themselves, so that a restarter
// which starts anew knows of the restarts before. It is not safe for concurrent use.
type Budget struct {
	Namespace, Cluster int // restarts a minute

	counted map[restarted]time.Time
}

type restarted struct {
	namespace, workload string
	at                  int64
}

// Count counts a restart, once, however often it is seen.
func (b *Budget) Count(namespace, workload string, at, now time.Time) {
	if at.IsZero() || !now.Before(at.Add(window)) {
		return
	}
	if b.counted == nil {
		b.counted = map[restarted]time.Time{}
	}
	b.counted[restarted{namespace, workload, at.Unix()}] = at
}

// Permits is when the next restart in a namespace is permitted; a time that is not after now: it is now.
func (b *Budget) Permits(namespace string, now time.Time) time.Time {
	var all, own []time.Time
	for one, at := range b.counted {
		if !now.Before(at.Add(window)) {
			delete(b.counted, one)
			continue
		}
		if all = append(all, at); one.namespace == namespace {
			own = append(own, at)
		}
	}
	at := free(all, b.Cluster)
	if other := free(own, b.Namespace); other.After(at) {
		at = other
	}
	return at
}

// free is when fewer than limit of these restarts are left in the window.
func free(restarts []time.Time, limit int) time.Time {
	if len(restarts) < limit {
		return time.Time{}
	}
	slices.SortFunc(restarts, time.Time.Compare)
	return restarts[len(restarts)-limit].Add(window)
}
