package explain

import (
	"cmp"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/webhook/cli/shape"
)

// maxBackoff is how long the syncer waits at most until it repeats a read that failed.
const maxBackoff = 5 * time.Minute

// nextRead says when the backend is read again, as far as the object, its status and the syncer's settings say so.
func (s Subject) nextRead(verdict string, r plan.Record) shape.NextRead {
	const soon = ": within seconds, if a syncer runs and serves it"
	switch p := s.Plan; {
	case s.Served != nil && !*s.Served:
		return shape.NextRead{Why: "the installed syncer does not serve this object: never by it"}
	case verdict == shape.Invalid:
		return shape.NextRead{Why: "the object cannot be understood: after an edit"}
	case p.Suspend:
		return shape.NextRead{Why: "never: " + p.Words.Paused}
	case verdict == shape.Denied:
		return shape.NextRead{Why: "policy forbids it: after an edit of the object or of the namespace's annotations"}
	case len(s.Missing) > 0:
		return shape.NextRead{Why: "what the object refers to is not there: as soon as it is"}
	case r.Ready == "":
		return shape.NextRead{Why: "the syncer has not tried yet" + soon}
	case r.Generation != p.Generation:
		return shape.NextRead{Why: "the object was edited since the last sync" + soon}
	case p.ForceSync != "" && p.ForceSync != r.ForceSync:
		return shape.NextRead{Why: "a refresh was requested" + soon}
	}
	return s.scheduled(r)
}

// scheduled is when an object is read that nothing has happened to.
func (s Subject) scheduled(r plan.Record) shape.NextRead {
	interval := cmp.Or(s.Plan.Refresh.Interval, s.Refresh.Interval)
	const repeated = "a read that failed is repeated, first after a second, at last every "
	never := s.Plan.Refresh.Never || s.Refresh.Disabled
	failed := r.Reason != plan.ReasonSynced
	switch {
	case never && !failed:
		return shape.NextRead{Why: "never by itself: after an edit, or a refresh that is requested"}
	case failed && never:
		return shape.NextRead{By: at(s.Now.Add(maxBackoff)), Why: repeated + maxBackoff.String()}
	case failed:
		wait := min(interval, maxBackoff)
		return shape.NextRead{By: at(s.Now.Add(wait)), Every: interval.String(), Why: repeated + wait.String()}
	}
	next := r.LastSync.Add(interval)
	if !next.After(s.Now) { // the status is older than the read that it is of, since it is written where there is news
		next = s.Now.Add(interval)
	}
	return shape.NextRead{By: at(next), Every: interval.String(), Why: "the last sync and the interval of " + interval.String()}
}
