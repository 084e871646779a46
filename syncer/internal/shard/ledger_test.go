package shard

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// step is something that a replica sees, at a time since the test's beginning.
type step struct {
	at time.Duration
	do func(l *ledger, now time.Time)
}

func TestLedger(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	// lease is one whose holder's clock showed the renewal at this time since the beginning.
	lease := func(name string, renewed time.Duration) coordinationv1.Lease {
		seconds, at := int32(15), metav1.NewMicroTime(start.Add(renewed))
		return coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: coordinationv1.LeaseSpec{LeaseDurationSeconds: &seconds, RenewTime: &at}}
	}
	sees := func(at time.Duration, name string, renewed time.Duration) step {
		return step{at, func(l *ledger, now time.Time) { observed := lease(name, renewed); l.observe(&observed, now) }}
	}
	lists := func(at time.Duration, leases ...coordinationv1.Lease) step {
		return step{at, func(l *ledger, now time.Time) { l.list(leases, now) }}
	}
	loses := func(at time.Duration, name string) step {
		return step{at, func(l *ledger, _ time.Time) { l.remove(name) }}
	}
	const s = time.Second
	selfUntil := func(seconds int) (steps []step) {
		for at := 5 * s; at <= time.Duration(seconds)*s; at += 5 * s {
			steps = append(steps, sees(at, "self", at))
		}
		return steps
	}
	for _, tc := range []struct {
		name   string
		steps  []step
		at     time.Duration
		live   string
		buried string
	}{
		{"nothing seen, no replica lives", nil, 0, "", ""},
		{"a Lease that is seen first has the time of a renewal", []step{lists(0, lease("b", 0))}, 7 * s, "b", ""},
		{"and no more", []step{lists(0, lease("b", 0)), sees(5*s, "self", 5*s)}, 7*s + 1, "self", ""},
		{"one that was renewed lives for its duration", []step{lists(0, lease("b", -5*s)), sees(1*s, "b", 1*s), sees(6*s, "self", 6*s), sees(12*s, "self", 12*s)}, 16 * s, "b self", ""},
		{"and no longer", []step{lists(0, lease("b", -5*s)), sees(1*s, "b", 1*s), sees(6*s, "self", 6*s), sees(12*s, "self", 12*s)}, 16*s + 1, "self", ""},
		{"a change that is no renewal does not count", []step{lists(0, lease("b", -5*s)), sees(1*s, "b", 1*s), sees(6*s, "self", 6*s), sees(9*s, "b", 1*s), sees(12*s, "self", 12*s)}, 16*s + 1, "self", ""},
		{"a Lease of long ago is dead when seen first", []step{lists(0, lease("b", -31*s))}, 0, "", ""},
		{"until it is renewed, whatever its clock says", []step{lists(0, lease("b", -3600*s)), sees(1*s, "b", -3599*s)}, 8 * s, "b", ""},
		{"a clock that is ahead does not matter", []step{lists(0, lease("b", 3600*s)), sees(5*s, "self", 0)}, 8 * s, "self", ""},
		{"one that was deleted is gone at once", []step{lists(0, lease("b", 0), lease("c", 0)), loses(1*s, "b")}, 1 * s, "c", ""},
		{"one that a list lacks, too", []step{lists(0, lease("b", 0), lease("c", 0)), lists(1*s, lease("c", 0))}, 1 * s, "c", ""},
		{"a view that has gone blind judges no replica", []step{lists(0, lease("b", -1)), sees(1*s, "b", 1*s), sees(5*s, "self", 5*s)}, 3600 * s, "b self", ""},
		{"when it sees again everybody has a whole duration", []step{lists(0, lease("b", -1)), sees(1*s, "b", 1*s), lists(100*s, lease("b", 1*s), lease("self", 100*s))}, 107 * s, "b self", ""},
		{"and is dead after it", []step{lists(0, lease("b", -1)), sees(1*s, "b", 1*s), lists(100*s, lease("b", 1*s), lease("self", 100*s)), sees(106*s, "self", 106*s), sees(112*s, "self", 112*s)}, 116 * s, "self", ""},
		{"a dead one is buried after a minute", append([]step{lists(0, lease("b", -1)), sees(1*s, "b", 1*s)}, selfUntil(60)...), 62 * s, "self", "b"},
		{"not before", append([]step{lists(0, lease("b", -1)), sees(1*s, "b", 1*s)}, selfUntil(60)...), 61 * s, "self", ""},
		{"but never by a view that was blind meanwhile", []step{lists(0, lease("b", -1)), sees(1*s, "b", 1*s), lists(90*s, lease("b", 1*s))}, 90 * s, "b", ""},
		{"a stillborn one, too", append([]step{lists(0, lease("b", -60*s))}, selfUntil(60)...), 54 * s, "self", "b"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := &ledger{self: "self"}
			for _, step := range tc.steps {
				step.do(l, start.Add(step.at))
			}
			now := start.Add(tc.at)
			if diff := cmp.Diff(tc.live, strings.Join(l.live(now), " ")); diff != "" {
				t.Errorf("alive (-want +got):\n%s", diff)
			}
			var buried []string
			for name := range l.buried(now) {
				buried = append(buried, name)
			}
			if diff := cmp.Diff(tc.buried, strings.Join(buried, " ")); diff != "" {
				t.Errorf("buried (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStanding(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ago := func(seconds int) time.Time { return now.Add(-time.Duration(seconds) * time.Second) }
	for _, tc := range []struct {
		name     string
		standing standing
		want     verdict
	}{
		{"nothing is known yet", standing{self: "a"}, verdict{unknown, nil}},
		{"the others are not seen yet", standing{self: "a", renewed: ago(1)}, verdict{unknown, nil}},
		{"the Lease is not had yet", standing{self: "a", seen: ago(1), live: []string{"b"}}, verdict{unknown, nil}},
		{"one of two", standing{self: "b", renewed: ago(1), seen: ago(1), live: []string{"a"}}, verdict{member, []string{"a", "b"}}},
		{"its own Lease was seen, too", standing{self: "b", renewed: ago(1), seen: ago(1), live: []string{"a", "b"}}, verdict{member, []string{"a", "b"}}},
		{"renewals fail for a while", standing{self: "a", renewed: ago(9), seen: ago(9)}, verdict{member, []string{"a"}}},
		{"renewals fail for too long", standing{self: "a", renewed: ago(10), seen: ago(1), live: []string{"b"}}, verdict{suspended, nil}},
		{"no Lease can be had", standing{self: "a", refused: true}, verdict{alone, []string{"a"}}},
		{"no Lease can be had, but others are seen", standing{self: "a", refused: true, seen: ago(1), live: []string{"b"}}, verdict{alone, []string{"a"}}},
		{"the others cannot be seen", standing{self: "a", renewed: ago(1), hidden: true}, verdict{alone, []string{"a"}}},
		{"a renewal was refused once", standing{self: "a", renewed: ago(6), seen: ago(1), refused: true}, verdict{member, []string{"a"}}},
		{"renewals are refused", standing{self: "a", renewed: ago(10), seen: ago(1), refused: true}, verdict{alone, []string{"a"}}},
		{"the others are hidden for a while", standing{self: "a", renewed: ago(1), seen: ago(9), hidden: true, live: []string{"b"}}, verdict{member, []string{"a", "b"}}},
		{"the others are hidden for good", standing{self: "a", renewed: ago(1), seen: ago(10), hidden: true, live: []string{"b"}}, verdict{alone, []string{"a"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.standing.judge(now), cmp.AllowUnexported(verdict{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}
