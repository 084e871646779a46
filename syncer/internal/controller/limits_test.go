package controller

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func TestReadsThatAreAskedForAreLimited(t *testing.T) {
	const forced, edited = true, false
	now := time.Unix(1_000_000, 0)
	for _, kind := range []bool{forced, edited} {
		var l limits
		for i := range readBurst {
			if wait := l.wait(db, kind, now); wait != 0 {
				t.Errorf("read %d at once waits %s, want 0", i+1, wait)
			}
		}
		if wait := l.wait(db, kind, now); wait != readEvery {
			t.Errorf("one more waits %s, want %s", wait, readEvery)
		}
		if wait := l.wait(db, !kind, now); wait != readEvery {
			t.Errorf("one of the other kind waits %s, want %s", wait, readEvery)
		}
		if wait := l.wait(db, kind, now.Add(readEvery)); wait != 0 {
			t.Errorf("after that time it waits %s, want 0", wait)
		}
	}
}

func TestForcedRefreshesOfANamespaceAreLimited(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	object := func(i int) types.NamespacedName {
		return types.NamespacedName{Namespace: "ns", Name: fmt.Sprint("o", i)}
	}
	var l limits
	for i := range namespaceForceBurst {
		if wait := l.wait(object(i), true, now); wait != 0 {
			t.Errorf("object %d waits %s, want 0", i+1, wait)
		}
	}
	if wait := l.wait(object(namespaceForceBurst), true, now); wait != time.Second/namespaceForces {
		t.Errorf("one more object waits %s, want %s", wait, time.Second/namespaceForces)
	}
	if wait := l.wait(object(namespaceForceBurst), false, now); wait != 0 {
		t.Errorf("an edited one waits %s, want 0", wait)
	}
	if wait := l.wait(types.NamespacedName{Namespace: "another"}, true, now); wait != 0 {
		t.Errorf("one of another namespace waits %s, want 0", wait)
	}
}

func TestLimitsAreForgottenWhenTheyLimitNothing(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	var l limits
	l.wait(types.NamespacedName{Name: "first"}, true, now)
	l.wait(types.NamespacedName{Name: "second"}, true, now.Add(time.Hour))
	if l.objects.Len() != 1 || l.namespaces.Len() != 1 {
		t.Errorf("got limits of %d objects and %d namespaces, want one each", l.objects.Len(), l.namespaces.Len())
	}
}
