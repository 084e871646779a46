package decision

import (
	"slices"
	"time"
)

// window is what budgets are counted over.
const window = time.Minute

// Budget bounds how many workloads are restarted within a minute. What it counts is what workloads say of themselves, so that a restarter
// which starts anew knows of the restarts before. Their authors may write there what they like: so a namespace takes no more of the
// cluster's budget than its own. It is not safe for concurrent use.
type Budget struct {
	Namespace, Cluster int // restarts a minute

	counted map[restarted]time.Time
}

type restarted struct {
	namespace, workload string
	at                  int64
}

// Count counts a restart, once, however often it is seen. One that is to come is none.
func (b *Budget) Count(namespace, workload string, at, now time.Time) {
	if at.After(now) || !now.Before(at.Add(window)) {
		return
	}
	if b.counted == nil {
		b.counted = map[restarted]time.Time{}
	}
	b.counted[restarted{namespace, workload, at.Unix()}] = at
}

// Permits is when the next restart in a namespace is permitted; a time that is not after now: it is now.
func (b *Budget) Permits(namespace string, now time.Time) time.Time {
	restarts := map[string][]time.Time{} // by namespace
	for one, at := range b.counted {
		if !now.Before(at.Add(window)) {
			delete(b.counted, one)
			continue
		}
		restarts[one.namespace] = append(restarts[one.namespace], at)
	}
	var all []time.Time
	for _, own := range restarts {
		slices.SortFunc(own, time.Time.Compare)
		all = append(all, own[max(len(own)-b.Namespace, 0):]...)
	}
	at := free(all, b.Cluster)
	if other := free(restarts[namespace], b.Namespace); other.After(at) {
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
