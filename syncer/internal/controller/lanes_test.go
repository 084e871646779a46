package controller

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

func TestHurriedObjectsOvertakeOthers(t *testing.T) {
	var l lanes
	q := l.newQueue("", workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	defer q.ShutDown()
	request := func(name string) reconcile.Request {
		return reconcile.Request{NamespacedName: types.NamespacedName{Name: name}}
	}
	add := func(name string, hurry bool) {
		if hurry {
			l.hurry(request(name))
		}
		q.Add(request(name))
	}
	add("a", false)
	add("b", false)
	add("new", true)
	add("c", false)
	add("b", true)    // it moves up
	add("new", false) // it stays in front
	add("newer", true)
	if n := q.Len(); n != 5 {
		t.Errorf("%d objects wait, want 5", n)
	}
	var got []string
	for q.Len() > 0 {
		item, _ := q.Get()
		got = append(got, item.Name)
		q.Done(item)
	}
	if diff := cmp.Diff([]string{"new", "b", "newer", "a", "c"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnObjectThatIsHurriedWhileItIsWorkedOnComesAgainInFront(t *testing.T) {
	var l lanes
	q := l.newQueue("", workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	defer q.ShutDown()
	a, b := reconcile.Request{NamespacedName: types.NamespacedName{Name: "a"}}, reconcile.Request{NamespacedName: types.NamespacedName{Name: "b"}}
	q.Add(a)
	working, _ := q.Get()
	q.Add(b)
	l.hurry(a)
	q.Add(a)
	q.Done(working)
	if next, _ := q.Get(); next != a {
		t.Errorf("%s comes first", next.Name)
	}
}
