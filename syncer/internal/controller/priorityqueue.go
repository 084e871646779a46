package controller

import (
	"sync"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/secretgate/secretgate/shared/fair"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// priorityQueue is the storage of a workqueue in which objects that are new or were edited come before refreshes. Namespaces take
// turns within each priority, and none has more than its share of the workers. The workqueue calls Touch, Push, Len and Pop one
// at a time.
type priorityQueue struct {
	mu      sync.Mutex
	urgent  map[reconcile.Request]bool // they get the high priority when they are added next
	waiting [2]fair.Queue[reconcile.Request]
	places  map[reconcile.Request]place
	workers fair.Pool // that are busy
}

// place is where an object waits.
type place struct {
	priority fetch.Priority
	element  *fair.Element[reconcile.Request]
}

// newQueue makes the controller's workqueue on this storage, for a number of workers.
func (l *priorityQueue) newQueue(name string, limiter workqueue.TypedRateLimiter[reconcile.Request], workers int) queue {
	l.urgent, l.places = map[reconcile.Request]bool{}, map[reconcile.Request]place{}
	l.workers.Capacity = workers
	stored := workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[reconcile.Request]{Name: name, Queue: l})
	delaying := workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[reconcile.Request]{Name: name, Queue: stored})
	limiting := workqueue.NewTypedRateLimitingQueueWithConfig(limiter, workqueue.TypedRateLimitingQueueConfig[reconcile.Request]{
		Name: name, DelayingQueue: delaying,
	})
	return countedQueue{limiting, l}
}

// countedQueue is a workqueue that counts the workers of each namespace in its storage.
type countedQueue struct {
	queue
	storage *priorityQueue
}

// Done ends the work on an object. Its worker gets the next object at once, so that objects which may have a worker now are not
// left waiting while other workers sleep.
func (w countedQueue) Done(request reconcile.Request) {
	w.storage.done(request)
	w.queue.Done(request)
}

func (l *priorityQueue) done(request reconcile.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.workers.Release(request.Namespace, 1)
}

// markUrgent gives an object the high priority when it is added next.
func (l *priorityQueue) markUrgent(request reconcile.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.urgent[request] = true
}

// Touch is called for an object that waits already.
func (l *priorityQueue) Touch(request reconcile.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.urgent[request] {
		return
	}
	delete(l.urgent, request)
	if at, waits := l.places[request]; waits && at.priority == fetch.Background {
		l.waiting[at.priority].Remove(at.element)
		l.push(request, fetch.Foreground)
	}
}

// Push adds an object.
func (l *priorityQueue) Push(request reconcile.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	priority := fetch.Background
	if l.urgent[request] {
		priority = fetch.Foreground
	}
	delete(l.urgent, request)
	l.push(request, priority)
}

func (l *priorityQueue) push(request reconcile.Request, priority fetch.Priority) {
	l.places[request] = place{priority, l.waiting[priority].Push(request.Namespace, request)}
}

// Len is how many objects wait; 0 where none of them may have a worker now.
func (l *priorityQueue) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.waiting {
		if _, ok := l.waiting[i].Peek(l.may); ok {
			return len(l.places)
		}
	}
	return 0
}

// Pop takes the next object.
func (l *priorityQueue) Pop() reconcile.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, priority := range []fetch.Priority{fetch.Foreground, fetch.Background} {
		if request, ok := l.waiting[priority].Pop(l.may); ok {
			delete(l.places, request)
			l.workers.Acquire(request.Namespace, 1)
			return request
		}
	}
	return reconcile.Request{} // not reached: Pop is called only where Len is not 0
}

func (l *priorityQueue) may(namespace string) bool { return l.workers.CanAcquire(namespace, 1) }
