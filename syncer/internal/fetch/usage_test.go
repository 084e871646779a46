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
	u := usage{objects: len(e.objects), stores: len(e.stores)}
	for _, o := range e.objects {
		o.mu.Lock()
		for i := range o.needs {
			u.values += size(o.needs[i].values)
		}
		o.mu.Unlock()
	}
	e.shares.mu.Lock()
	defer e.shares.mu.Unlock()
	u.uncollected, u.ready = e.shares.progress.uncollected, e.shares.progress.ready
	u.bytes, u.trials = e.shares.bytes.Held(), e.shares.trials.Held()
	return u
}

// limited is how many calls of a Store its limiter has counted.
func (e *Engine) limited(s plan.Store) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	st := e.stores[s]
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.state.limiter.count
}
