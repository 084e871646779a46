package controller

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

func TestUrgentObjectsComeBeforeOthers(t *testing.T) {
	var l priorityQueue
	q := l.newQueue("", workqueue.DefaultTypedControllerRateLimiter[reconcile.Request](), 16)
	defer q.ShutDown()
	request := func(name string) reconcile.Request {
		return reconcile.Request{NamespacedName: types.NamespacedName{Name: name}}
	}
	add := func(name string, urgent bool) {
		if urgent {
			l.markUrgent(request(name))
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

func TestAnObjectThatBecomesUrgentWhileItIsReconciledComesFirstAgain(t *testing.T) {
	var l priorityQueue
	q := l.newQueue("", workqueue.DefaultTypedControllerRateLimiter[reconcile.Request](), 16)
	defer q.ShutDown()
	a, b := reconcile.Request{NamespacedName: types.NamespacedName{Name: "a"}}, reconcile.Request{NamespacedName: types.NamespacedName{Name: "b"}}
	q.Add(a)
	working, _ := q.Get()
	q.Add(b)
	l.markUrgent(a)
	q.Add(a)
	q.Done(working)
	if next, _ := q.Get(); next != a {
		t.Errorf("got %s first, want a", next.Name)
	}
}

func TestNamespacesShareTheWorkers(t *testing.T) {
	const workers = 16
	var l priorityQueue
	q := l.newQueue("", workqueue.DefaultTypedControllerRateLimiter[reconcile.Request](), workers)
	defer q.ShutDown()
	add := func(namespace string, n int) {
		for i := range n {
			request := reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: fmt.Sprint(i)}}
			l.markUrgent(request)
			q.Add(request)
		}
	}
	busy, working := map[string]int{}, []reconcile.Request{}
	work := func() {
		for q.Len() > 0 {
			request, _ := q.Get()
			working = append(working, request)
			busy[request.Namespace]++
		}
	}
	add("hog", 100)
	work()
	add("other", 1)
	work()
	if diff := cmp.Diff(map[string]int{"hog": 12, "other": 1}, busy); diff != "" {
		t.Errorf("busy workers by namespace (-want +got):\n%s", diff)
	}
	for n := 0; len(working) > 0; n++ {
		if n > 200 {
			t.Fatal("it does not end")
		}
		q.Done(working[0])
		working = working[1:]
		work()
	}
	if diff := cmp.Diff(map[string]int{"hog": 100, "other": 1}, busy); diff != "" {
		t.Errorf("objects worked on by namespace (-want +got):\n%s", diff)
	}
}

func TestNamespacesTakeTurnsWithinAPriority(t *testing.T) {
	var l priorityQueue
	q := l.newQueue("", workqueue.DefaultTypedControllerRateLimiter[reconcile.Request](), 1)
	defer q.ShutDown()
	for _, name := range []string{"a/1", "a/2", "a/3", "b/1", "b/new", "a/new"} {
		namespace, object, _ := strings.Cut(name, "/")
		request := reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: object}}
		if object == "new" {
			l.markUrgent(request)
		}
		q.Add(request)
	}
	var got []string
	for q.Len() > 0 {
		request, _ := q.Get()
		got = append(got, request.String())
		q.Done(request)
	}
	if diff := cmp.Diff([]string{"b/new", "a/new", "a/1", "b/1", "a/2", "a/3"}, got); diff != "" {
		t.Error(diff)
	}
}
