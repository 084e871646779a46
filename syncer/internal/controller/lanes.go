package controller

import (
	"sync"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/secretgate/secretgate/syncer/internal/fetch"
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// lanes is the storage of a workqueue in which some objects overtake others: those that are new or
// were edited never wait behind refreshes. The workqueue calls Touch, Push, Len and Pop one at a time.
type lanes struct {
	mu      sync.Mutex
	hurried map[reconcile.Request]bool // to go to the front when they are added next
	waiting [2][]reconcile.Request     // by lane; those that moved to the front are left behind in the back
	where   map[reconcile.Request]fetch.Lane
}

// newQueue makes the controller's workqueue upon the lanes.
func (l *lanes) newQueue(name string, limiter workqueue.TypedRateLimiter[reconcile.Request]) queue {
	l.hurried, l.where = map[reconcile.Request]bool{}, map[reconcile.Request]fetch.Lane{}
	stored := workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[reconcile.Request]{Name: name, Queue: l})
	delaying := workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[reconcile.Request]{Name: name, Queue: stored})
	return workqueue.NewTypedRateLimitingQueueWithConfig(limiter, workqueue.TypedRateLimitingQueueConfig[reconcile.Request]{
		Name: name, DelayingQueue: delaying,
	})
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
	if lane, waits := l.where[request]; waits && lane == fetch.Background {
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

func (l *lanes) push(request reconcile.Request, lane fetch.Lane) {
	l.where[request] = lane
	l.waiting[lane] = append(l.waiting[lane], request)
}

// Len is how many objects wait.
func (l *lanes) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.where)
}

// Pop takes the one that is next.
func (l *lanes) Pop() reconcile.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lane := range []fetch.Lane{fetch.Foreground, fetch.Background} {
		for len(l.waiting[lane]) > 0 {
			request := l.waiting[lane][0]
			l.waiting[lane][0] = reconcile.Request{}
			l.waiting[lane] = l.waiting[lane][1:]
			if where, waits := l.where[request]; waits && where == lane {
				delete(l.where, request)
				return request
			}
		}
	}
	return reconcile.Request{} // not reached: Pop is called only where Len is not 0
}
