package fetch

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// object is one that subscribes to sources, of one Store or of several.
type object struct {
	name     plan.ID
	uid      types.UID
	interval time.Duration // 0: it is not refreshed on its own account
	sources  []*source     // in the order of the plan's entries

	// verified: its owner took what was read at least once, so that an unchanged value is no news to it.
	verified bool
	asked    bool // Ask was called, and nothing has been taken with success since
	demand   *demand
	excess   bool // its sources hold too many bytes: they are not refreshed for it
	told     bool // a source failed, or failed otherwise than before, and the owner has not taken notice
}

// scopes are those of its sources.
func (o *object) scopes() []*scope {
	var all []*scope
	for _, s := range o.sources {
		if !slices.Contains(all, s.scope) {
			all = append(all, s.scope)
		}
	}
	return all
}

// reads reports whether the object's sources are those of the plan.
func (o *object) reads(sources []plan.Source) bool {
	return slices.EqualFunc(o.sources, sources, func(s *source, other plan.Source) bool { return s.Source() == other })
}

// expected is how many bytes its sources may take, by what they held when they were last read.
func (o *object) expected() (bytes int) {
	for _, s := range o.sources {
		bytes += s.size
	}
	return min(bytes, MaxObjectBytes)
}

// result is what is known of the object's sources, and the values that were asked for.
func (o *object) result(values render.Values) Result {
	r := Result{Values: values, Versions: make(map[plan.Source]string, len(o.sources))}
	for _, s := range o.sources {
		r.Versions[s.Source()] = s.version
		if s.err != nil && values == nil {
			r.Failures = append(r.Failures, Failure{Source: s.Source(), Err: s.err})
		}
	}
	return r
}

// failing reports whether one of its sources fails. Until it has recovered, the others need not be read for the object.
func (o *object) failing() bool {
	return slices.ContainsFunc(o.sources, func(s *source) bool { return s.err != nil })
}

// freshness is when the oldest of its sources was read with success; zero where one was not, or fails.
func (o *object) freshness() time.Time {
	var oldest time.Time
	for i, s := range o.sources {
		if s.err != nil {
			return time.Time{}
		}
		if i == 0 || s.readAt.Before(oldest) {
			oldest = s.readAt
		}
	}
	return oldest
}
