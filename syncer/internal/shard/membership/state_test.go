package membership

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/syncer/internal/shard/lease"
	"github.com/secretgate/secretgate/syncer/internal/shard/ring"
)

// viewOf is one that saw these Leases, renewed, at a time.
func viewOf(self string, at time.Time, names ...string) lease.View {
	view, renewed := lease.View{Own: self}, metav1.NewMicroTime(at)
	var leases []coordinationv1.Lease
	for _, name := range names {
		leases = append(leases, coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: coordinationv1.LeaseSpec{RenewTime: &renewed}})
	}
	view.Replace(leases, at)
	return view
}

func TestStatusFollowsFromTheLeases(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ago := func(seconds int) time.Time { return now.Add(-time.Duration(seconds) * time.Second) }
	for _, tc := range []struct {
		name           string
		self           string
		renewal, watch access
		live           []string
		want           status
	}{
		{"nothing is known yet", "a", access{}, access{}, nil, status{joining, nil}},
		{"the others are not seen yet", "a", access{last: ago(1)}, access{}, nil, status{joining, nil}},
		{"the Lease is not had yet", "a", access{}, access{last: ago(1)}, []string{"b"}, status{joining, nil}},
		{"one of two", "b", access{last: ago(1)}, access{last: ago(1)}, []string{"a"}, status{member, []string{"a", "b"}}},
		{"its own Lease was seen, too", "b", access{last: ago(1)}, access{last: ago(1)}, []string{"a", "b"}, status{member, []string{"a", "b"}}},
		{"renewals fail for a while", "a", access{last: ago(9)}, access{last: ago(9)}, nil, status{member, []string{"a"}}},
		{"renewals fail for too long", "a", access{last: ago(10)}, access{last: ago(1)}, []string{"b"}, status{suspended, nil}},
		{"no Lease can be had", "a", access{refused: true}, access{}, nil, status{alone, []string{"a"}}},
		{"no Lease can be had, but others are seen", "a", access{refused: true}, access{last: ago(1)}, []string{"b"}, status{alone, []string{"a"}}},
		{"the others cannot be seen", "a", access{last: ago(1)}, access{refused: true}, nil, status{alone, []string{"a"}}},
		{"a renewal was refused once", "a", access{last: ago(6), refused: true}, access{last: ago(1)}, nil, status{member, []string{"a"}}},
		{"renewals are refused", "a", access{last: ago(10), refused: true}, access{last: ago(1)}, nil, status{alone, []string{"a"}}},
		{"the others are hidden for a while", "a", access{last: ago(1)}, access{last: ago(9), refused: true}, []string{"b"}, status{member, []string{"a", "b"}}},
		{"the others are hidden for good", "a", access{last: ago(1)}, access{last: ago(10), refused: true}, []string{"b"}, status{alone, []string{"a"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newState(tc.self)
			s.renewal, s.watch, s.leases = tc.renewal, tc.watch, viewOf(tc.self, now, tc.live...)
			if diff := cmp.Diff(tc.want, s.evaluate(now), cmp.AllowUnexported(status{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The loop takes each step at once: one that was decided again after it was taken would be taken for ever.
func TestSteps(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	a, ab := status{member, []string{"a"}}, status{member, []string{"a", "b"}}
	busy := access{running: true, last: now}
	for _, tc := range []struct {
		name    string
		prepare func(s *state)
		want    []step
		owned   ring.Share
		settled time.Duration // from now
	}{
		{"the Lease comes first", func(s *state) { s.renewal, s.watch = access{}, access{} }, []step{renew}, ring.Share{}, 0},
		{"the others are listed once it is held", func(s *state) { s.watch = access{} }, []step{follow}, ring.Share{}, 0},
		{"the first replica owns everything at once", func(*state) {}, []step{release, acquire}, ring.Whole(), 0},
		{"one that comes later waits until the others have stopped", func(s *state) { s.leases = viewOf("a", now, "b") },
			[]step{release}, ring.Share{}, handOver},
		{"one whose Lease was live goes on at once", func(s *state) { s.leases, s.resumed = viewOf("a", now, "b"), true },
			[]step{release, acquire}, ab.share("a"), 0},
		{"one that another joins stops at once", func(s *state) {
			s.leases, s.wanted, s.serving, s.owned = viewOf("a", now, "b"), a, a, ring.Whole()
		}, []step{release}, ab.share("a"), handOver},
		{"one that another leaves waits for what that still does", func(s *state) {
			s.wanted, s.serving, s.owned = ab, ab, ab.share("a")
		}, []step{release}, ab.share("a"), handOver},
		{"and takes over then", func(s *state) {
			s.wanted, s.serving, s.owned = a, ab, ab.share("a")
		}, []step{acquire}, ring.Whole(), 0},
		{"one that comes back while the others wait changes nothing", func(s *state) {
			s.leases, s.wanted, s.serving, s.owned = viewOf("a", now, "b"), a, ab, ab.share("a")
		}, []step{release}, ab.share("a"), handOver},
		{"one that another joined and left takes back what it had stopped serving", func(s *state) {
			s.wanted, s.serving, s.owned = a, a, ab.share("a")
		}, []step{acquire}, ring.Whole(), 0},
		{"one that cannot renew stops at once", func(s *state) {
			s.renewal.last, s.wanted, s.serving, s.owned = now.Add(-suspendAfter), a, a, ring.Whole()
		}, []step{release, acquire}, ring.Share{}, 0},
		{"one that can again waits", func(s *state) {
			s.wanted, s.serving = status{phase: suspended}, status{phase: suspended}
		}, []step{release}, ring.Share{}, handOver},
		{"and looks at once who came and went meanwhile", func(s *state) {
			s.wanted, s.serving, s.watch = status{phase: suspended}, status{phase: suspended}, access{last: now, due: now.Add(retryEvery)}
			s.renewed(renewal{began: now}, now)
		}, []step{follow, release}, ring.Share{}, handOver},
		{"one that may have no Lease waits for no other", func(s *state) {
			s.renewal = access{running: true, refused: true}
		}, []step{release, acquire}, ring.Whole(), 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newState("a")
			s.renewal, s.watch, s.leases = busy, busy, viewOf("a", now)
			s.settled = now
			tc.prepare(s)
			s.share = s.wanted.share("a")
			var got []step
			for step := s.decide(now); step != stay; step = s.decide(now) {
				if len(got) > len(tc.want) {
					break
				}
				got = append(got, step)
				s.take(step, now)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if s.owned != tc.owned {
				t.Errorf("it owns %.2f of the space, want %.2f", s.owned.Ratio(), tc.owned.Ratio())
			}
			if got := s.settled.Sub(now); got != tc.settled {
				t.Errorf("it acquires what it gained after %s, want %s", got, tc.settled)
			}
			if tc.settled > 0 && !s.wake(now).Equal(s.settled) {
				t.Errorf("it wakes at %s, want %s", s.wake(now), s.settled)
			}
		})
	}
}
