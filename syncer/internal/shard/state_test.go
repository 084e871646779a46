package shard

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMembershipState(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ago := func(seconds int) time.Time { return now.Add(-time.Duration(seconds) * time.Second) }
	for _, tc := range []struct {
		name  string
		state membershipState
		want  status
	}{
		{"nothing is known yet", membershipState{self: "a"}, status{unknown, nil}},
		{"the others are not seen yet", membershipState{self: "a", renewed: ago(1)}, status{unknown, nil}},
		{"the Lease is not had yet", membershipState{self: "a", seen: ago(1), live: []string{"b"}}, status{unknown, nil}},
		{"one of two", membershipState{self: "b", renewed: ago(1), seen: ago(1), live: []string{"a"}}, status{member, []string{"a", "b"}}},
		{"its own Lease was seen, too", membershipState{self: "b", renewed: ago(1), seen: ago(1), live: []string{"a", "b"}}, status{member, []string{"a", "b"}}},
		{"renewals fail for a while", membershipState{self: "a", renewed: ago(9), seen: ago(9)}, status{member, []string{"a"}}},
		{"renewals fail for too long", membershipState{self: "a", renewed: ago(10), seen: ago(1), live: []string{"b"}}, status{suspended, nil}},
		{"no Lease can be had", membershipState{self: "a", refused: true}, status{alone, []string{"a"}}},
		{"no Lease can be had, but others are seen", membershipState{self: "a", refused: true, seen: ago(1), live: []string{"b"}}, status{alone, []string{"a"}}},
		{"the others cannot be seen", membershipState{self: "a", renewed: ago(1), hidden: true}, status{alone, []string{"a"}}},
		{"a renewal was refused once", membershipState{self: "a", renewed: ago(6), seen: ago(1), refused: true}, status{member, []string{"a"}}},
		{"renewals are refused", membershipState{self: "a", renewed: ago(10), seen: ago(1), refused: true}, status{alone, []string{"a"}}},
		{"the others are hidden for a while", membershipState{self: "a", renewed: ago(1), seen: ago(9), hidden: true, live: []string{"b"}}, status{member, []string{"a", "b"}}},
		{"the others are hidden for good", membershipState{self: "a", renewed: ago(1), seen: ago(10), hidden: true, live: []string{"b"}}, status{alone, []string{"a"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.state.evaluate(now), cmp.AllowUnexported(status{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}
