package shard

import (
	"cmp"
	"context"
	"net/http"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/pager"

	"github.com/secretgate/secretgate/syncer/internal/shard/ring"
)

// stream is a watch of what is in the replica's share. It goes on when the share changes: it removes what was lost, which needs no
// request, adds what was gained, from a list, and watches the new share from there.
//
// A relist by the reflector would have the same effect, but it comes after a back-off of up to a minute: too long for a rolling
// update. Where a request fails, the stream ends, and the reflector goes on as it does with any watch that ends.
type stream struct {
	*listWatch
	options metav1.ListOptions // of the watch that would go on from here: up to its resourceVersion everything was passed on
	view    View

	results chan watch.Event
	cancel  context.CancelFunc
	ended   chan struct{}
}

// ResultChan implements watch.Interface.
func (s *stream) ResultChan() <-chan watch.Event { return s.results }

// Stop implements watch.Interface.
func (s *stream) Stop() { s.cancel() }

func (s *stream) run(ctx context.Context, inner watch.Interface) {
	defer close(s.ended)
	defer close(s.results)
	defer s.cancel()
	for inner != nil && s.forward(ctx, inner) {
		inner = s.handOver(ctx)
	}
}

// forward passes the events of a watch on until the share is another one. Else the stream ends, and it returns false.
func (s *stream) forward(ctx context.Context, inner watch.Interface) bool {
	defer inner.Stop()
	if !s.removeLost(ctx) { // what a stream that was stopped has left
		return false
	}
	for s.have == s.view.Share {
		select {
		case <-ctx.Done():
			return false
		case <-s.view.Changed:
			return true
		case event, ok := <-inner.ResultChan():
			if !ok || !s.pass(ctx, event) {
				return false
			}
		}
	}
	return true
}

// pass sends an event on if it concerns the share.
func (s *stream) pass(ctx context.Context, event watch.Event) bool {
	object, err := meta.Accessor(event.Object)
	if err != nil || event.Type == watch.Error {
		return s.send(ctx, event) // the reflector handles it
	}
	if event.Type == watch.Bookmark && object.GetAnnotations()[metav1.InitialEventsAnnotationKey] == "true" {
		s.options.SendInitialEvents, s.options.ResourceVersionMatch = nil, ""
	}
	s.options.ResourceVersion = object.GetResourceVersion()
	switch {
	case event.Type == watch.Bookmark, inShare(s.view.Share, s.owner(object)):
		return s.send(ctx, event)
	case s.contents.has(keyOf(object)): // it has another owner now
		event.Type = watch.Deleted
		return s.send(ctx, event)
	default:
		s.filtered.Inc()
		return true
	}
}

// handOver moves the informer to the new share. It returns the watch to go on with; nil: the stream ends.
func (s *stream) handOver(ctx context.Context) watch.Interface {
	var err error
	if s.view, err = s.shares.View(ctx); err != nil || !s.moveTo(ctx, s.view.Share) {
		return nil
	}
	inner, err := s.watch(ctx, s.options, s.have)
	if err != nil {
		return nil
	}
	return inner
}

// moveTo brings the informer to the state of another share. While the first objects still come there is nothing to go on from: then the
// reflector has to start over, which it does at once.
func (s *stream) moveTo(ctx context.Context, share ring.Share) bool {
	if s.options.SendInitialEvents != nil {
		s.send(ctx, watch.Event{Type: watch.Error, Object: &metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusGone, Reason: metav1.StatusReasonExpired,
			Message: "the replica's share of the objects changed",
		}})
		return false
	}
	s.have = s.have.And(share)
	moved := s.removeLost(ctx) && (s.have == share || s.addGained(ctx, share))
	if moved {
		s.have = share
	}
	return moved
}

// removeLost removes what is not in the share that the informer is to have.
func (s *stream) removeLost(ctx context.Context) bool {
	for key, owner := range s.contents.owners {
		if inShare(s.have, owner) {
			continue
		}
		if !s.send(ctx, s.synthetic(watch.Deleted, key)) {
			return false
		}
		s.handovers.Inc()
	}
	return true
}

// addGained lists the new share, and brings the informer to the state of that list. The objects' versions are older than the list's, and
// the reflector remembers the last that it was sent: that is a bookmark's.
func (s *stream) addGained(ctx context.Context, share ring.Share) bool {
	pages := pager.New(pager.SimplePageFunc(func(options metav1.ListOptions) (runtime.Object, error) {
		return s.list(ctx, options, share)
	}))
	list, _, err := pages.ListWithAlloc(ctx, metav1.ListOptions{})
	if err != nil {
		return false
	}
	listed := map[types.NamespacedName]bool{}
	// WithAlloc: an object that is kept does not hold the memory of the whole list.
	err = meta.EachListItemWithAlloc(list, func(object runtime.Object) error {
		accessor, err := meta.Accessor(object)
		if err == nil {
			listed[keyOf(accessor)] = true
			s.send(ctx, watch.Event{Type: watch.Added, Object: object})
		}
		return cmp.Or(err, ctx.Err())
	})
	about, notList := meta.ListAccessor(list)
	if cmp.Or(err, notList) != nil {
		return false
	}
	s.options.ResourceVersion = about.GetResourceVersion()
	for key := range s.contents.owners {
		if !listed[key] { // it was deleted meanwhile
			s.send(ctx, s.synthetic(watch.Deleted, key))
		}
	}
	return s.send(ctx, s.synthetic(watch.Bookmark, types.NamespacedName{}))
}

// synthetic is an event with an object of the informer's type that has nothing but a name, at the version that was reached.
func (s *stream) synthetic(kind watch.EventType, key types.NamespacedName) watch.Event {
	object := s.prototype.DeepCopyObject()
	if accessor, err := meta.Accessor(object); err == nil { // it is one of the two types that are narrowed
		accessor.SetNamespace(key.Namespace)
		accessor.SetName(key.Name)
		accessor.SetResourceVersion(s.options.ResourceVersion)
	}
	return watch.Event{Type: kind, Object: object}
}

// send passes an event on to the reflector, and keeps account of what that has. Before an object is sent
// it may have it, and until its deletion is taken it may have it still.
func (s *stream) send(ctx context.Context, event watch.Event) bool {
	var gone types.NamespacedName
	if object, err := meta.Accessor(event.Object); err == nil {
		switch event.Type {
		case watch.Added, watch.Modified:
			s.contents.add(keyOf(object), s.owner(object))
		case watch.Deleted:
			gone = keyOf(object)
		}
	}
	select {
	case <-ctx.Done():
		return false
	case s.results <- event:
		s.contents.remove(gone)
		return true
	}
}
