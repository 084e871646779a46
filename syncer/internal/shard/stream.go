package shard

import (
	"context"
	"net/http"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// stream is a watch of what is in one share. It ends when the share changes.
type stream struct {
	owner    *listWatch
	view     View
	inner    watch.Interface
	ahead    []watch.Event // that come before the inner watch's
	initial  bool          // the inner watch still sends what a list would hold
	position string        // the resourceVersion up to which everything was passed on

	results chan watch.Event
	cancel  context.CancelFunc
	ended   chan struct{}
}

// ResultChan implements watch.Interface.
func (s *stream) ResultChan() <-chan watch.Event { return s.results }

// Stop implements watch.Interface.
func (s *stream) Stop() { s.cancel() }

func (s *stream) run(ctx context.Context) {
	defer close(s.ended)
	defer close(s.results)
	defer s.inner.Stop()
	for _, event := range s.ahead {
		if !s.send(ctx, event) {
			return
		}
	}
	s.ahead = nil
	s.owner.have = s.view.Share
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.view.Changed:
			s.handOver(ctx)
			return
		case event, ok := <-s.inner.ResultChan():
			if !ok || !s.pass(ctx, event) {
				return
			}
		}
	}
}

// pass sends an event on if it concerns the share.
func (s *stream) pass(ctx context.Context, event watch.Event) bool {
	if event.Type == watch.Error {
		return s.send(ctx, event)
	}
	object, err := meta.Accessor(event.Object)
	if err != nil {
		return s.send(ctx, event) // the reflector reports it
	}
	s.position = object.GetResourceVersion()
	switch _, known := s.owner.known[keyOf(object)]; {
	case event.Type == watch.Bookmark:
		if object.GetAnnotations()[metav1.InitialEventsAnnotationKey] == "true" {
			s.initial = false
		}
		return s.send(ctx, event)
	case s.owner.in(s.view.Share, object):
		return s.send(ctx, event)
	case known: // it has another owner now
		event.Type = watch.Deleted
		return s.send(ctx, event)
	default:
		s.owner.filtered.Inc()
		return true
	}
}

// handOver takes back what is not in the new share. While the first objects still come there is nothing
// to go on from: then the reflector has to start over, which it does at once.
func (s *stream) handOver(ctx context.Context) {
	if s.initial || s.position == "" {
		s.send(ctx, watch.Event{Type: watch.Error, Object: &metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusGone, Reason: metav1.StatusReasonExpired,
			Message: "the replica's share of the objects changed",
		}})
		return
	}
	next, err := s.owner.shares.View(ctx)
	if err != nil {
		return
	}
	s.owner.have = s.owner.have.And(next.Share)
	losses := s.owner.losses(next.Share, s.position)
	for _, event := range losses {
		if !s.send(ctx, event) {
			return
		}
		if event.Type == watch.Deleted {
			s.owner.handovers.Inc()
		}
	}
	if len(losses) == 0 {
		// A reflector takes a watch that ends without an event for one that failed, and waits.
		s.send(ctx, s.owner.bookmark(s.position))
	}
}

// send passes an event on to the reflector, and keeps account of what that has. Before an object is sent
// it may have it, and until its deletion is taken it may have it still.
func (s *stream) send(ctx context.Context, event watch.Event) bool {
	var gone types.NamespacedName
	if object, err := meta.Accessor(event.Object); err == nil {
		switch event.Type {
		case watch.Added, watch.Modified:
			s.owner.remember(object)
		case watch.Deleted:
			gone = keyOf(object)
		}
	}
	select {
	case <-ctx.Done():
		return false
	case s.results <- event:
		s.owner.forget(gone)
		return true
	}
}
