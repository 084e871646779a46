package ring

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/sharding"
	"k8s.io/apimachinery/pkg/types"
)

// replicas are members named as pods of a Deployment are.
func replicas(seed uint64, n int) []string {
	random := rand.New(rand.NewPCG(seed, seed))
	var names []string
	for range n {
		names = append(names, fmt.Sprintf("syncer-7d9f8c6b5-%05x", random.Uint32N(1<<20)))
	}
	return names
}

func randomUIDs(seed uint64, n int) []types.UID {
	random := rand.New(rand.NewPCG(seed, seed))
	var uids []types.UID
	for range n {
		uids = append(uids, types.UID(fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x",
			random.Uint32(), random.Uint32N(1<<16), random.Uint32N(1<<12), random.Uint32N(1<<12), random.Uint64N(1<<48))))
	}
	return uids
}

func TestEveryMemberGetsItsPartRoundedUpOrDown(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 7, 10, 16, 33, 100, slots, slots + 2} {
		owned := map[string]int{}
		members := replicas(uint64(n), n)
		for _, owner := range Assign(members) {
			owned[owner]++
		}
		for _, member := range members {
			if got := owned[member]; got != slots/n && got != (slots+n-1)/n {
				t.Errorf("one of %d members owns %d of %d slots", n, got, slots)
			}
		}
		if owned[""] > 0 {
			t.Errorf("with %d members %d slots have no owner", n, owned[""])
		}
	}
}

func TestObjectsSpreadEvenly(t *testing.T) {
	for n := 1; n <= 4; n++ {
		for seed := range uint64(5) {
			members, uids := replicas(seed, n), randomUIDs(seed, 1000)
			for _, member := range members {
				share, served := Assign(members).Share(member), 0
				for _, uid := range uids {
					if share.Owns(uid) {
						served++
					}
				}
				if fair := 1000.0 / float64(n); float64(served) < 0.8*fair || float64(served) > 1.2*fair {
					t.Errorf("one of %d members serves %d of 1,000 objects (seed %d)", n, served, seed)
				}
			}
		}
	}
}

func TestAssignmentDependsOnTheSetOfNamesAlone(t *testing.T) {
	members := replicas(1, 7)
	want := Assign(members)
	for seed := range uint64(10) {
		shuffled := append(slices.Clone(members), members[seed%7]) // a name twice is one member
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if got := Assign(shuffled); got != want {
			t.Errorf("another order, another assignment: %v", cmp.Diff(want, got))
		}
	}
	if Assign(nil) != (Ring{}) {
		t.Error("a ring without members owns something")
	}
}

// The least that must move when one comes is its own part, and when it goes again the same.
func TestFewSlotsMoveWhenAMemberComesOrGoes(t *testing.T) {
	const trials = 20
	for n := 1; n <= 12; n++ {
		total, least := 0, slots/(n+1)
		for seed := range uint64(trials) {
			members := replicas(seed, n+1)
			before, after, moved := Assign(members[:n]), Assign(members), 0
			for slot := range before {
				if before[slot] != after[slot] {
					moved++
				}
			}
			total += moved
			if moved > least+slots/6 {
				t.Errorf("from %d to %d members %d slots move, where %d must (seed %d)", n, n+1, moved, least, seed)
			}
		}
		if average := float64(total) / trials; average > float64(least)+slots/10.0 {
			t.Errorf("from %d to %d members %.1f slots move on average, where %d must", n, n+1, average, least)
		}
	}
}

func TestSelector(t *testing.T) {
	share := func(owned ...int) (s Share) {
		for _, slot := range owned {
			s[slot] = true
		}
		return s
	}
	for _, tc := range []struct {
		name  string
		share Share
		want  string
	}{
		{"everything needs no selector", Whole(), ""},
		{"nothing selects one hash", Share{}, "shardRange(object.metadata.uid, '0x0000000000000000', '0x0000000000000001')"},
		{"the first slot", share(0), "shardRange(object.metadata.uid, '0x0000000000000000', '0x0200000000000000')"},
		{"the last slot ends at 2^64", share(127), "shardRange(object.metadata.uid, '0xfe00000000000000', '0x10000000000000000')"},
		{"neighbours are one range", share(5, 6, 7, 9),
			"shardRange(object.metadata.uid, '0x0a00000000000000', '0x1000000000000000') || " +
				"shardRange(object.metadata.uid, '0x1200000000000000', '0x1400000000000000')"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.share.Selector()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Kubernetes' own evaluation of the selector is what the API server does.
func TestSelectorMeansWhatOwnsMeans(t *testing.T) {
	members := replicas(3, 3)
	for _, member := range members {
		share := Assign(members).Share(member)
		selector := sharding.NewSelector(share.Ranges()...)
		if got := strings.Count(share.Selector(), "shardRange"); got != len(share.Ranges()) || got > slots/2 {
			t.Errorf("the selector has %d ranges", got)
		}
		for _, uid := range randomUIDs(9, 2000) {
			matches, err := selector.Matches(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{UID: uid}})
			if err != nil {
				t.Fatal(err)
			}
			if matches != share.Owns(uid) {
				t.Fatalf("uid %s: the selector says %t", uid, matches)
			}
		}
	}
}

func TestSharesAsSets(t *testing.T) {
	members := replicas(4, 2)
	ring := Assign(members)
	a, b := ring.Share(members[0]), ring.Share(members[1])
	for _, tc := range []struct {
		name      string
		got, want any
	}{
		{"two members have nothing in common", a.And(b), Share{}},
		{"what a share has in common with everything", Whole().And(a), a},
		{"half of the space", a.Ratio(), 0.5},
		{"all of the space", Whole().Ratio(), 1.0},
		{"no space", Share{}.Ratio(), 0.0},
		{"a stranger owns nothing", ring.Share("stranger"), Share{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestTheAssignmentIsThatOfFormerVersions pins it, since replicas of two versions must come to the same one during a rollout.
func TestTheAssignmentIsThatOfFormerVersions(t *testing.T) {
	ring := Assign([]string{"syncer-a", "syncer-b", "syncer-c"})
	got := ""
	for _, owner := range ring {
		got += strings.TrimPrefix(owner, "syncer-")
	}
	const want = "bcbaaabaccbccbcabacabbccbabbaccbbcbbccacbababbcccaabbaacabbcbaaaabbcbabcaababbcaabbbcaabaacaccccccaccaaccbacbbccaabcacccbbababaa"
	if got != want {
		t.Errorf("got the slots\n%s\nwant\n%s\n(a new assignment is a change that kustomize/docs/support.md rules out within a major version)", got, want)
	}
}
