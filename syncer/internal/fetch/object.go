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
	interval time.Duration // 0: it is not refreshed
	sources  []*source     // in the order of the plan's entries

	// delivered: its owner has collected values at least once, so that an unchanged value is nothing new to it.
	delivered         bool
	requested         bool // Request was called, and no values have been collected since
	request           *request
	tooLarge          bool // its sources have too many bytes: they are not refreshed for it
	unreportedFailure bool // a source failed, or failed for another reason than before, and the owner has not collected that
}

// stores are those of its sources.
func (o *object) stores() []*store {
	var all []*store
	for _, s := range o.sources {
		if !slices.Contains(all, s.store) {
			all = append(all, s.store)
		}
	}
	return all
}

// reads reports whether the object's sources are those of the plan.
func (o *object) reads(sources []plan.Source) bool {
	return slices.EqualFunc(o.sources, sources, func(s *source, other plan.Source) bool { return s.Source() == other })
}

// expected is how many bytes its sources are expected to have: as many as when they were last read.
func (o *object) expected() (bytes int) {
	for _, s := range o.sources {
		bytes += s.size
	}
	return min(bytes, MaxObjectBytes)
}

// result is the state of the object's sources, and the values that were requested.
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
