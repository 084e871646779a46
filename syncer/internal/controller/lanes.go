package controller

import (
	"sync"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/secretgate/secretgate/syncer/internal/fair"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// lanes is the storage of a workqueue in which some objects overtake others: those that are new or
// were edited never wait behind refreshes. In each lane namespaces take turns, and none holds more than its share of the
// workers. The workqueue calls Touch, Push, Len and Pop one at a time.
type lanes struct {
	mu      sync.Mutex
	hurried map[reconcile.Request]bool // to go to the front when they are added next
	waiting [2]fair.Queue[reconcile.Request]
	places  map[reconcile.Request]place
	workers fair.Pool // that are busy
}

// place is where an object waits.
type place struct {
	lane    fetch.Priority
	element *fair.Element[reconcile.Request]
}

// newQueue makes the controller's workqueue upon the lanes, for so many workers.
func (l *lanes) newQueue(name string, limiter workqueue.TypedRateLimiter[reconcile.Request], workers int) queue {
	l.hurried, l.places = map[reconcile.Request]bool{}, map[reconcile.Request]place{}
	l.workers.Capacity = workers
	stored := workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[reconcile.Request]{Name: name, Queue: l})
	delaying := workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[reconcile.Request]{Name: name, Queue: stored})
	limiting := workqueue.NewTypedRateLimitingQueueWithConfig(limiter, workqueue.TypedRateLimitingQueueConfig[reconcile.Request]{
		Name: name, DelayingQueue: delaying,
	})
	return worked{limiting, l}
}

// worked is a workqueue that tells the lanes when a worker is free again.
type worked struct {
	queue
	lanes *lanes
}

// Done ends the work on an object. Its worker asks for the next one at once, so that none of those that may go now is forgotten
// while others sleep.
func (w worked) Done(request reconcile.Request) {
	w.lanes.done(request)
	w.queue.Done(request)
}

func (l *lanes) done(request reconcile.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.workers.Release(request.Namespace, 1)
}

// hurry has an object go to the front when it is added next.
func (l *lanes) hurry(request reconcile.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hurried[request] = true
}

// Touch is called for an object that waits already.
func (l *lanes) Touch(request reconcile.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.hurried[request] {
		return
	}
	delete(l.hurried, request)
	if at, waits := l.places[request]; waits && at.lane == fetch.Background {
		l.waiting[at.lane].Remove(at.element)
		l.push(request, fetch.Foreground)
	}
}

// Push adds an object.
func (l *lanes) Push(request reconcile.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lane := fetch.Background
	if l.hurried[request] {
		lane = fetch.Foreground
	}
	delete(l.hurried, request)
	l.push(request, lane)
}

func (l *lanes) push(request reconcile.Request, lane fetch.Priority) {
	l.places[request] = place{lane, l.waiting[lane].Push(request.Namespace, request)}
}

// Len is how many objects wait; 0 where none of them may have a worker now.
func (l *lanes) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.waiting {
		if _, ok := l.waiting[i].Peek(l.may); ok {
			return len(l.places)
		}
	}
	return 0
}

// Pop takes the one that is next.
func (l *lanes) Pop() reconcile.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lane := range []fetch.Priority{fetch.Foreground, fetch.Background} {
		if request, ok := l.waiting[lane].Pop(l.may); ok {
			delete(l.places, request)
			l.workers.Acquire(request.Namespace, 1)
			return request
		}
	}
	return reconcile.Request{} // not reached: Pop is called only where Len is not 0
}

func (l *lanes) may(namespace string) bool { return l.workers.CanAcquire(namespace, 1) }
