package fetch

import (
	"time"

	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// bisection finds out why a batch fails as a whole: one of its sources spoils it, or the backend does not read batches for
// this identity, be it that it may not or that there is no such call.
type bisection struct {
	*Engine
	scope *scope
	// cleared: batches as such are not to blame. A smaller one was answered, a source fails alone as well, or the
	// backend is in trouble.
	cleared bool
}

// bisect reads sources whose batch failed as a whole. Where nothing but that they were together explains it, all of the
// identity are read alone for a while.
func (e *Engine) bisect(sc *scope, sources []*source, failure *backend.Error) []reading {
	b := &bisection{Engine: e, scope: sc}
	readings := b.resolve(sources, failure)
	if !b.cleared {
		e.mu.Lock()
		sc.readSingly(time.Now().Add(aloneFor))
		e.mu.Unlock()
		e.Metrics.fallback(string(sc.Backend))
	}
	return readings
}

// resolve halves a batch until those are found that fail alone, too. A denied one whose halves are denied as well is not
// searched further: its sources are read alone later.
func (b *bisection) resolve(sources []*source, failure *backend.Error) []reading {
	if transient(failure) || failure.Kind == driver.Unauthenticated || b.ctx.Err() != nil {
		b.cleared = true
		readings := make([]reading, len(sources))
		for i, s := range sources {
			readings[i].err = failure.For(s.Read)
		}
		return readings
	}
	half := len(sources) / 2
	halves := [2][]*source{sources[:half], sources[half:]}
	var parts [2][]reading
	var failures [2]*backend.Error
	for i, part := range halves {
		b.begin(b.scope)
		parts[i], failures[i] = b.ask(b.scope, part)
		b.cleared = b.cleared || failures[i] == nil && (len(part) > 1 || parts[i][0].err != nil)
	}
	if !b.cleared && denied(failures[0]) && denied(failures[1]) {
		return unread(len(sources))
	}
	for i, part := range halves {
		switch {
		case failures[i] != nil:
			parts[i] = b.resolve(part, failures[i])
		case len(part) == 1:
			parts[i][0].alone = parts[i][0].err != nil && !transient(parts[i][0].err)
		}
	}
	return append(parts[0], parts[1]...)
}

func denied(failure *backend.Error) bool { return failure != nil && failure.Kind == driver.Denied }

// unread are the readings of n sources that must be read alone.
func unread(n int) []reading {
	readings := make([]reading, n)
	for i := range readings {
		readings[i].again = true
	}
	return readings
}
