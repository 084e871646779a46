package fetch

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// situation is a Store's state in a test, at one time.
type situation struct {
	state
	now time.Time
}

// source is a new one with a subscriber in a namespace.
func (s *situation) source(key, namespace string, batch int) *source {
	src := &source{Read: plan.Read{Key: key}, batch: batch, place: place{position: -1}, found: found{reading: unread}}
	src.subscribe(&need{object: &object{name: named(namespace + "/" + key)}})
	s.sources[src.Read] = src
	return src
}

func (s *situation) scheduled(key string, in time.Duration) {
	s.state.scheduled.add(s.source(key, "ns", 1), s.now.Add(in))
}

func (s *situation) waits(key, namespace string, batch int, priority Priority) {
	s.enqueue(s.source(key, namespace, batch), priority, namespace, s.now)
}

// breaks opens the breaker.
func (s *situation) breaks() {
	s.breaker.failed(s.now, &backend.Error{Kind: driver.Unavailable, RetryAfter: firstProbe})
}

func TestWhatAStoreDoesNext(t *testing.T) {
	type decision struct {
		Action   action
		Key      string
		Priority Priority
		Until    time.Duration // from now
		Lacking  []string
	}
	for name, tc := range map[string]struct {
		given func(s *situation)
		after time.Duration // until it decides
		may   string        // the only namespace that may call; empty: all may
		want  decision
	}{
		"without sources it rests": {given: func(*situation) {}, want: decision{Action: rest}},
		"it rests until the first source is due": {
			given: func(s *situation) { s.scheduled("late", 2*minute); s.scheduled("early", minute) },
			want:  decision{Action: rest, Until: minute},
		},
		"a source that is due waits for a call": {
			given: func(s *situation) { s.scheduled("k", minute) }, after: minute,
			want: decision{Action: queued, Key: "k"},
		},
		"what waits is read": {
			given: func(s *situation) { s.waits("k", "ns", 1, Background) },
			want:  decision{Action: launch, Key: "k", Priority: Background},
		},
		"new objects overtake refreshes": {
			given: func(s *situation) { s.waits("old", "ns", 1, Background); s.waits("new", "ns", 1, Foreground) },
			want:  decision{Action: launch, Key: "new", Priority: Foreground},
		},
		"a batch that is not full waits while another one is under way": {
			given: func(s *situation) {
				s.answered = true
				s.byPriority[Foreground].batchCalls.Acquire("ns", 1)
				s.waits("k", "ns", 2, Foreground)
			},
			want: decision{Action: rest},
		},
		"a full batch goes": {
			given: func(s *situation) {
				s.answered = true
				s.byPriority[Foreground].batchCalls.Acquire("ns", 1)
				s.waits("k1", "ns", 2, Foreground)
				s.waits("k2", "ns", 2, Foreground)
			},
			want: decision{Action: launch, Key: "k1", Priority: Foreground},
		},
		"a backend that never answered gets two calls at a time": {
			given: func(s *situation) {
				s.byPriority[Foreground].calls.Acquire("ns", maxStoreTrials)
				s.waits("k", "ns", 1, Foreground)
			},
			want: decision{Action: rest},
		},
		"a namespace that has its share leaves the turn to another one": {
			given: func(s *situation) { s.waits("k1", "hog", 1, Foreground); s.waits("k2", "ns", 1, Foreground) },
			may:   "ns", want: decision{Action: launch, Key: "k2", Priority: Foreground},
		},
		"where none may call it rests, and says whose share it lacks": {
			given: func(s *situation) { s.waits("k1", "hog", 1, Foreground); s.waits("k2", "hog2", 1, Background) },
			may:   "ns", want: decision{Action: rest, Lacking: []string{"hog", "hog2"}},
		},
		"while the breaker is open it rests until the next probe": {
			given: func(s *situation) { s.scheduled("k", minute); s.breaks() },
			want:  decision{Action: rest, Until: firstProbe},
		},
		"the probe is what waits": {
			given: func(s *situation) { s.waits("k", "ns", 1, Foreground); s.breaks() }, after: firstProbe,
			want: decision{Action: launch, Key: "k", Priority: Foreground},
		},
		"where none waits, the source that is due next is the probe": {
			given: func(s *situation) { s.scheduled("late", 2*minute); s.scheduled("early", minute); s.breaks() }, after: firstProbe,
			want: decision{Action: probe, Key: "early"},
		},
		"one probe at a time": {
			given: func(s *situation) { s.waits("k", "ns", 1, Foreground); s.breaks(); s.breaker.started() }, after: firstProbe,
			want: decision{Action: rest, Until: gracePeriod - firstProbe},
		},
		"what has waited for a broken backend for the grace period fails": {
			given: func(s *situation) { s.waits("k", "ns", 1, Foreground); s.breaks(); s.breaker.started() }, after: gracePeriod,
			want: decision{Action: fail, Key: "k"},
		},
		"while the backend throttles it rests until the limiter lets the next call go": {
			given: func(s *situation) {
				s.answered = true
				s.limiter.throttled(s.now)
				s.waits("k", "ns", 1, Foreground)
			},
			want: decision{Action: rest, Until: 2 * time.Second},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &situation{state: newState(), now: time.Unix(1_000_000, 0)}
			tc.given(s)
			now := s.now.Add(tc.after)
			next := s.decide(now, func(namespace string) bool { return tc.may == "" || namespace == tc.may })
			got := decision{Action: next.action, Priority: next.priority, Lacking: next.lacking}
			if next.source != nil {
				got.Key = next.source.Key
			}
			if !next.until.IsZero() {
				got.Until = next.until.Sub(now)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestWhatAReadingMeansToAnObject(t *testing.T) {
	failure := &backend.Error{Kind: driver.NotFound}
	fine := func(r revision) *reading { return &reading{revision: r} }
	broken := func(r revision) *reading { return &reading{revision: r, err: failure} }
	for name, tc := range map[string]struct {
		request          *request
		need             need // that the reading is of
		other            *reading
		awaited, changed bool
		want             reaction
	}{
		"a value that was applied is only observed":             {need: need{reading: fine(1), applied: 1}, want: observe},
		"a value that is new begins a request":                  {need: need{reading: fine(2), applied: 1}, changed: true, want: readAll},
		"so does one that the owner has not applied yet":        {need: need{reading: fine(1)}, want: readAll},
		"but not for an object that is not refreshed":           {need: need{reading: fine(2), applied: everything}, changed: true, want: ignore},
		"a failure is reported":                                 {need: need{reading: broken(2), applied: 1}, changed: true, want: report},
		"the same failure again is not":                         {need: need{reading: broken(2), applied: 2}, want: observe},
		"nor is it while it is not collected":                   {need: need{reading: broken(2), applied: 1}, want: observe},
		"a recovery is reported while another source fails":     {need: need{reading: fine(3), applied: 2}, other: broken(1), changed: true, want: report},
		"an awaited reading is gathered":                        {request: &request{stage: gathering}, need: need{reading: fine(1), read: 1, wanted: 1}, awaited: true, want: gather},
		"also a failure":                                        {request: &request{stage: gathering}, need: need{reading: broken(1), read: 1, wanted: 1}, awaited: true, want: gather},
		"a reading before the one that is awaited is not":       {request: &request{stage: gathering}, need: need{reading: fine(2), read: 1, wanted: 2}, awaited: true, changed: true, want: ignore},
		"a newer value takes the place of the one before":       {request: &request{stage: ready}, need: need{reading: fine(2)}, changed: true, want: gather},
		"the same value does not":                               {request: &request{stage: ready}, need: need{reading: fine(2)}, want: ignore},
		"a failure after the values is reported":                {request: &request{stage: ready}, need: need{reading: broken(2)}, changed: true, want: report},
		"a recovery begins a failed request anew":               {request: &request{stage: failed}, need: need{reading: fine(2)}, changed: true, want: readAll},
		"a request that waits for memory reads all again later": {request: &request{stage: deferred}, need: need{reading: fine(2)}, changed: true, want: ignore},
		"values that were too many are not read again":          {request: &request{stage: oversized}, need: need{reading: fine(2), applied: everything}, changed: true, want: ignore},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.other == nil {
				tc.other = fine(1)
			}
			o := &object{request: tc.request, needs: []need{tc.need, {reading: tc.other, applied: 1}}}
			if got := o.decide(&o.needs[0], tc.awaited, tc.changed); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}
