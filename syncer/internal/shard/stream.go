package shard

import (
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
// A relist by the reflector would have the same effect, but it comes after a back-off of up to a minute: too long for a rolling update. Where
// a request fails, the stream ends, and the reflector starts over from what it has.
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
	case event.Type == watch.Bookmark, s.in(s.view.Share, object):
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
//
// While the first objects still come there is nothing to go on from: then the reflector has to start over, which it does at once.
func (s *stream) handOver(ctx context.Context) watch.Interface {
	view, err := s.shares.View(ctx)
	if err != nil {
		return nil
	}
	if s.options.SendInitialEvents != nil {
		s.send(ctx, watch.Event{Type: watch.Error, Object: &metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusGone, Reason: metav1.StatusReasonExpired,
			Message: "the replica's share of the objects changed",
		}})
		return nil
	}
	s.view = view
	if !s.removeLost(ctx, view.Share) || !s.have.Covers(view.Share) && !s.addGained(ctx, view.Share) {
		return nil
	}
	s.have = view.Share
	inner, err := s.watch(ctx, s.options, view.Share)
	if err != nil {
		return nil
	}
	return inner
}

// removeLost removes what is not in the new share.
func (s *stream) removeLost(ctx context.Context, share ring.Share) bool {
	s.have = s.have.And(share)
	for key, owner := range s.contents.owners {
		if inShare(share, owner) {
			continue
		}
		if !s.send(ctx, s.deletion(key)) {
			return false
		}
		s.handovers.Inc()
	}
	return true
}

// addGained lists the new share, and brings the informer to the state of that list.
func (s *stream) addGained(ctx context.Context, share ring.Share) bool {
	pages := pager.New(pager.SimplePageFunc(func(options metav1.ListOptions) (runtime.Object, error) {
		return s.list(ctx, options, share)
	}))
	list, _, err := pages.ListWithAlloc(ctx, metav1.ListOptions{})
	if err != nil {
		return false
	}
	about, err := meta.ListAccessor(list)
	if err != nil {
		return false
	}
	listed := map[types.NamespacedName]bool{}
	// WithAlloc: an object that is kept does not hold the memory of the whole list.
	err = meta.EachListItemWithAlloc(list, func(object runtime.Object) error {
		accessor, err := meta.Accessor(object)
		if err != nil {
			return err
		}
		listed[keyOf(accessor)] = true
		s.send(ctx, watch.Event{Type: watch.Added, Object: object})
		return ctx.Err()
	})
	s.options.ResourceVersion = about.GetResourceVersion()
	for key := range s.contents.owners {
		if !listed[key] && err == nil { // it was deleted meanwhile
			s.send(ctx, s.deletion(key))
		}
	}
	// The objects' versions are older than the list's, and the reflector remembers the last that it saw.
	return err == nil && s.send(ctx, watch.Event{Type: watch.Bookmark, Object: s.synthetic(types.NamespacedName{}, s.options.ResourceVersion)})
}

func (s *stream) deletion(key types.NamespacedName) watch.Event {
	return watch.Event{Type: watch.Deleted, Object: s.synthetic(key, s.options.ResourceVersion)}
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
