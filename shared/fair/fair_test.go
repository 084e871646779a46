package fair_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/fair"
)

func TestShares(t *testing.T) {
	type take struct {
		Namespace string
		N         int
	}
	for _, tc := range []struct {
		name     string
		capacity int
		takes    []take // until CanAcquire refuses, each
		want     map[string]int
	}{
		{"one namespace gets three quarters", 16, []take{{"a", 1}}, map[string]int{"a": 12}},
		{"the second finds its share of the rest", 16, []take{{"a", 1}, {"b", 1}}, map[string]int{"a": 12, "b": 3}},
		{"the last one is left for a namespace that holds nothing", 16, []take{{"a", 1}, {"b", 1}, {"c", 1}}, map[string]int{"a": 12, "b": 3, "c": 1}},
		{"a single one serves, too", 1, []take{{"a", 1}, {"b", 1}}, map[string]int{"a": 1}},
		{"two of two", 2, []take{{"a", 1}}, map[string]int{"a": 2}},
		{"none of none", 0, []take{{"a", 1}}, map[string]int{}},
		{"what is larger than a share fits where its namespace holds nothing", 100, []take{{"a", 90}}, map[string]int{"a": 90}},
		{"what is larger than all that is free does not", 100, []take{{"a", 60}, {"b", 50}}, map[string]int{"a": 60}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, got := fair.Pool{Capacity: tc.capacity}, map[string]int{}
			for _, take := range tc.takes {
				for p.CanAcquire(take.Namespace, take.N) {
					p.Acquire(take.Namespace, take.N)
					got[take.Namespace] += take.N
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("held (-want +got):\n%s", diff)
			}
			for namespace, n := range got {
				p.Release(namespace, n)
			}
			if p.Held() != 0 || tc.capacity > 0 && !p.CanAcquire("a", tc.capacity) {
				t.Errorf("got %d held after all was given back, want 0", p.Held())
			}
		})
	}
}

func TestNamespacesTakeTurns(t *testing.T) {
	var q fair.Queue[string]
	for _, item := range []string{"a1", "a2", "a3", "b1", "b2", "c1"} {
		q.Push(item[:1], item)
	}
	removed := q.Push("c", "c2")
	q.Remove(removed)
	var got []string
	for q.Len() > 0 {
		peeked, _ := q.Peek(nil)
		item, _ := q.Pop(nil)
		if peeked != item {
			t.Errorf("got %s, want %s, which was seen in front", item, peeked)
		}
		got = append(got, item)
	}
	if diff := cmp.Diff([]string{"a1", "b1", "c1", "a2", "b2", "a3"}, got); diff != "" {
		t.Error(diff)
	}
	if item, ok := q.Pop(nil); ok {
		t.Errorf("got %s of an empty queue", item)
	}
}

func TestATurnPassesOverNamespacesThatMayNotTakeIt(t *testing.T) {
	var q fair.Queue[string]
	for _, item := range []string{"a1", "a2", "b1", "b2"} {
		q.Push(item[:1], item)
	}
	var got []string
	for {
		item, ok := q.Pop(func(namespace string) bool { return namespace != "a" })
		if !ok {
			break
		}
		got = append(got, item)
	}
	for namespace, first := range q.Fronts {
		got = append(got, namespace+": "+first)
	}
	if diff := cmp.Diff([]string{"b1", "b2", "a: a1"}, got); diff != "" {
		t.Error(diff)
	}
	if q.Len() != 2 {
		t.Errorf("got %d that wait, want 2", q.Len())
	}
}
