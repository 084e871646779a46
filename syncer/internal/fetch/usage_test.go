package fetch

import "github.com/secretgate/secretgate/shared/plan"

// usage is what an engine holds. The tests of its behaviour see nothing else of its inside.
type usage struct {
	objects, stores int
	uncollected     int // objects that have been notified, and have not collected
	ready           int // of them those that have values
	bytes           int // of values, as they are counted: held, or expected
	values          int // bytes of values that are in memory
	trials          int // calls under way to Stores that have not answered
}

func (e *Engine) usage() usage {
	e.mu.Lock()
	defer e.mu.Unlock()
	u := usage{objects: len(e.objects), stores: len(e.stores), uncollected: e.uncollected, ready: e.ready}
	if e.shares != nil {
		u.bytes, u.trials = e.shares.bytes.Held(), e.shares.trials.Held()
	}
	for _, o := range e.objects {
		if o.request != nil {
			u.values += o.request.values.Bytes()
		}
	}
	return u
}

// limited is how many calls of a Store its limiter has counted.
func (e *Engine) limited(s plan.Store) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stores[s].limiter.count
}
