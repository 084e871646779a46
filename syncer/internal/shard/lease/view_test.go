package lease

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// step is something that a replica observes, at a time since the test's beginning.
type step struct {
	at time.Duration
	do func(view *View, now time.Time)
}

func TestStatesOfLeases(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	// lease is one whose holder's clock showed the renewal at this time since the beginning.
	lease := func(name string, renewed time.Duration) coordinationv1.Lease {
		seconds, at := int32(15), metav1.NewMicroTime(start.Add(renewed))
		return coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: coordinationv1.LeaseSpec{LeaseDurationSeconds: &seconds, RenewTime: &at}}
	}
	sees := func(at time.Duration, name string, renewed time.Duration) step {
		return step{at, func(view *View, now time.Time) {
			observed := lease(name, renewed)
			view.Observe(&observed, now)
		}}
	}
	lists := func(at time.Duration, leases ...coordinationv1.Lease) step {
		return step{at, func(view *View, now time.Time) { view.Replace(leases, now) }}
	}
	loses := func(at time.Duration, name string) step {
		return step{at, func(view *View, _ time.Time) { view.Remove(name) }}
	}
	const s = time.Second
	selfUntil := func(seconds int) (steps []step) {
		for at := 5 * s; at <= time.Duration(seconds)*s; at += 5 * s {
			steps = append(steps, sees(at, "self", at))
		}
		return steps
	}
	for _, tc := range []struct {
		name     string
		steps    []step
		at       time.Duration
		live     string
		orphaned string
	}{
		{"nothing observed, no replica is live", nil, 0, "", ""},
		{"a Lease that is first observed has the time of a renewal", []step{lists(0, lease("b", 0))}, 7 * s, "b", ""},
		{"and no more", []step{lists(0, lease("b", 0)), sees(5*s, "self", 5*s)}, 7*s + 1, "self", ""},
		{"one that was renewed is live for its duration", []step{lists(0, lease("b", -5*s)), sees(1*s, "b", 1*s), sees(6*s, "self", 6*s), sees(12*s, "self", 12*s)}, 16 * s, "b self", ""},
		{"and no longer", []step{lists(0, lease("b", -5*s)), sees(1*s, "b", 1*s), sees(6*s, "self", 6*s), sees(12*s, "self", 12*s)}, 16*s + 1, "self", ""},
		{"a change that is no renewal does not count", []step{lists(0, lease("b", -5*s)), sees(1*s, "b", 1*s), sees(6*s, "self", 6*s), sees(9*s, "b", 1*s), sees(12*s, "self", 12*s)}, 16*s + 1, "self", ""},
		{"a Lease of long ago has expired when first observed", []step{lists(0, lease("b", -31*s))}, 0, "", ""},
		{"until it is renewed, whatever its clock says", []step{lists(0, lease("b", -3600*s)), sees(1*s, "b", -3599*s)}, 8 * s, "b", ""},
		{"a clock that is ahead does not matter", []step{lists(0, lease("b", 3600*s)), sees(5*s, "self", 0)}, 8 * s, "self", ""},
		{"one that was deleted is gone at once", []step{lists(0, lease("b", 0), lease("c", 0)), loses(1*s, "b")}, 1 * s, "c", ""},
		{"one that a list lacks, too", []step{lists(0, lease("b", 0), lease("c", 0)), lists(1*s, lease("c", 0))}, 1 * s, "c", ""},
		{"no Lease expires in a stale view", []step{lists(0, lease("b", -1)), sees(1*s, "b", 1*s), sees(5*s, "self", 5*s)}, 3600 * s, "b self", ""},
		{"when it is current again each has a whole duration", []step{lists(0, lease("b", -1)), sees(1*s, "b", 1*s), lists(100*s, lease("b", 1*s), lease("self", 100*s))}, 107 * s, "b self", ""},
		{"and expires after it", []step{lists(0, lease("b", -1)), sees(1*s, "b", 1*s), lists(100*s, lease("b", 1*s), lease("self", 100*s)), sees(106*s, "self", 106*s), sees(112*s, "self", 112*s)}, 116 * s, "self", ""},
		{"an expired one is orphaned after a minute", append([]step{lists(0, lease("b", -1)), sees(1*s, "b", 1*s)}, selfUntil(60)...), 62 * s, "self", "b"},
		{"not before", append([]step{lists(0, lease("b", -1)), sees(1*s, "b", 1*s)}, selfUntil(60)...), 61 * s, "self", ""},
		{"but never in a view that was stale meanwhile", []step{lists(0, lease("b", -1)), sees(1*s, "b", 1*s), lists(90*s, lease("b", 1*s))}, 90 * s, "b", ""},
		{"one that was found expired, too", append([]step{lists(0, lease("b", -60*s))}, selfUntil(60)...), 54 * s, "self", "b"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			view := &View{Own: "self"}
			for _, step := range tc.steps {
				step.do(view, start.Add(step.at))
			}
			now := start.Add(tc.at)
			if diff := cmp.Diff(tc.live, strings.Join(view.Live(now), " ")); diff != "" {
				t.Errorf("live (-want +got):\n%s", diff)
			}
			var orphaned []string
			for _, o := range view.Orphaned(now) {
				orphaned = append(orphaned, o.Name)
			}
			if diff := cmp.Diff(tc.orphaned, strings.Join(orphaned, " ")); diff != "" {
				t.Errorf("orphaned (-want +got):\n%s", diff)
			}
		})
	}
}
