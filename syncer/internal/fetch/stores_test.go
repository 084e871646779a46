package fetch

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/secretgate/secretgate/shared/plan"
)

// both is a plan that reads one key as each of two roles.
func both(object string) *plan.Plan {
	p := reads(object, "one", "a")
	p.Entries = append(p.Entries, reads(object, "other", "b").Entries...)
	return p
}

func TestAnObjectMayReadOfSeveralStores(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.Subscribe(both("o"), minute, false)
		w.Request(named("o"), Foreground, false)
		w.pass(2 * latency)
		if diff := cmp.Diff(map[string][]string{"o": {"onea otherb"}}, w.got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if got := w.usage().stores; got != 2 {
			t.Errorf("got %d stores, want one for each Store", got)
		}
		w.values["b"] = "news"
		w.pass(2 * minute)
		if diff := cmp.Diff([]string{"onea otherb", "onea othernews"}, w.got["o"]); diff != "" {
			t.Errorf("after a change in one Store, -want +got:\n%s", diff)
		}
		w.Unsubscribe(named("o"))
		if got := w.usage().stores; got != 0 {
			t.Errorf("got %d stores of an object that is gone, want none", got)
		}
	})
}

func TestAChangeInOneStoreHasTheOtherReadAtOnce(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.Subscribe(both("o"), 10*time.Hour, false)
		w.add("often", "one", minute, "a") // with it a is refreshed each minute
		w.Request(named("o"), Foreground, false)
		w.pass(minute)
		w.values["a"] = "news"
		w.pass(minute + 2*latency)
		if diff := cmp.Diff([]string{"onea otherb", "onenews otherb"}, w.got["o"]); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestAFailingStoreOfTwoFailsTheObject(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.hang = "other"
		w.Subscribe(both("o"), minute, false)
		w.Request(named("o"), Foreground, false)
		w.pass(2 * timeout)
		if diff := cmp.Diff(map[string][]string{"o": {"b: unavailable"}}, w.got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		w.hang = ""
		w.pass(2 * minute)
		if got := w.got["o"]; len(got) < 2 || got[len(got)-1] != "onea otherb" {
			t.Errorf("got %q once the Store answers, want its values at last", got)
		}
	})
}

func TestObjectsOfTwoKindsShareARead(t *testing.T) {
	inFakeTime(t, func(w *world) {
		one, other := reads("o", "", "va"), reads("o", "", "va") // keys that begin with v are read singly
		other.Object.Kind = schema.GroupKind{Kind: "Other"}
		for _, p := range []*plan.Plan{one, other} {
			w.Subscribe(p, minute, false)
			w.Request(p.Object, Foreground, false)
		}
		w.pass(2 * latency)
		if diff := cmp.Diff([]string{"va", "va"}, w.got["o"]); diff != "" {
			t.Errorf("what both objects were given, -want +got:\n%s", diff)
		}
		if got := w.count(); got != 1 {
			t.Errorf("got %d calls, want one for both", got)
		}
		w.Unsubscribe(one.Object)
		w.values["va"] = "news"
		w.pass(2 * minute)
		if diff := cmp.Diff([]string{"va", "va", "news"}, w.got["o"]); diff != "" {
			t.Errorf("after one of them is gone, -want +got:\n%s", diff)
		}
	})
}

func TestTenantsShareNoRead(t *testing.T) {
	for name, tc := range map[string]struct {
		tenancy plan.Tenancy
		calls   int // for two objects of core and one of shop, which read one key as one role
	}{
		"all share it where the backend learns nothing":    {plan.NoTenancy, 1},
		"each namespace has its own where it learns those": {plan.NamespaceTenancy, 2},
		"each object has its own where it learns of them":  {plan.ObjectTenancy, 3},
	} {
		t.Run(name, func(t *testing.T) {
			inFakeTime(t, func(w *world) {
				for _, object := range []string{"core/a", "core/b", "shop/c"} {
					p := reads(object, "role", "va") // keys that begin with v are read singly
					p.Object.Namespace, p.Object.Name, _ = strings.Cut(object, "/")
					p.Attribute(map[plan.Backend]plan.Tenancy{p.Entries[0].Source.Backend: tc.tenancy})
					w.Subscribe(p, minute, false)
					w.Request(p.Object, Foreground, false)
				}
				w.pass(2 * latency)
				if got := w.count(); got != tc.calls {
					t.Errorf("got %d calls, want %d", got, tc.calls)
				}
			})
		})
	}
}

func TestAStoreIsForgottenWithItsLastObject(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.Subscribe(both("o"), minute, false)
		w.add("p", "one", minute, "a", "b")
		w.pass(2 * latency)
		w.Unsubscribe(named("o"))
		if diff := cmp.Diff([]string{"other"}, w.forgot); diff != "" {
			t.Errorf("while another object reads one Store, -want +got:\n%s", diff)
		}
		w.add("p", "one", minute, "c")
		w.pass(2 * latency)
		if diff := cmp.Diff([]string{"other"}, w.forgot); diff != "" {
			t.Errorf("after an edit that reads the same Store, -want +got:\n%s", diff)
		}
		w.Unsubscribe(named("p"))
		if diff := cmp.Diff([]string{"other", "one"}, w.forgot); diff != "" {
			t.Errorf("after the last object, -want +got:\n%s", diff)
		}
	})
}

// The call may have logged in after the object was gone, or after the next one of its name came.
func TestAStoreIsForgottenAgainAfterACallThatOutlivesItsObject(t *testing.T) {
	for name, next := range map[string]bool{"no object follows": false, "an equal one follows": true} {
		t.Run(name, func(t *testing.T) {
			inFakeTime(t, func(w *world) {
				w.add("o", "one", minute, "a")
				w.pass(latency / 2)
				w.Unsubscribe(named("o"))
				if next {
					w.Subscribe(reads("o", "one", "a"), minute, false)
				}
				before := len(w.forgot)
				w.pass(latency)
				if diff := cmp.Diff([]string{"one"}, w.forgot[before:]); diff != "" {
					t.Errorf("after the call, -want +got:\n%s", diff)
				}
			})
		})
	}
}
