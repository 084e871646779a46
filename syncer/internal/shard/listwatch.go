package shard

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/pager"

	"github.com/secretgate/secretgate/syncer/internal/shard/ring"
)

// listWatch filters the ListerWatcher of an informer's reflector: it leaves out the objects that are not in the replica's share. It
// requests only the share, where the API server supports that, and filters the response in any case.
//
// When the share changes, the watch continues in three steps. The stream removes what the replica lost, which needs no call to the API
// server, and ends. The reflector starts another stream at once. That one begins with what the replica gained, from a list, and
// continues from the version of the list. A relist by the reflector would have the same effect, but it comes after a back-off of up to
// a minute: too long for a rolling update.
//
// A reflector calls one method at a time; each waits for the end of the stream before, so that the fields
// below need no lock.
type listWatch struct {
	inner     cache.ListerWatcherWithContext
	shares    *Shares
	owner     func(metav1.Object) types.UID // decides the share; an empty uid is in every share
	selects   bool                          // the API server can filter, too
	prototype runtime.Object

	objects             prometheus.Gauge
	filtered, handovers prometheus.Counter

	have  ring.Share                         // the informer has all objects of this share
	known map[types.NamespacedName]types.UID // the owners of what the informer has, or may have
	last  *stream
}

var _ interface {
	cache.ListerWatcher
	cache.ListerWatcherWithContext
} = (*listWatch)(nil)

// List implements cache.ListerWatcher.
func (w *listWatch) List(options metav1.ListOptions) (runtime.Object, error) {
	return w.ListWithContext(context.Background(), options)
}

// Watch implements cache.ListerWatcher.
func (w *listWatch) Watch(options metav1.ListOptions) (watch.Interface, error) {
	return w.WatchWithContext(context.Background(), options)
}

// ListWithContext lists the share; it waits until the share is known. All pages of one list are filtered by one share: if that changes
// meanwhile, the next watch corrects it.
func (w *listWatch) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	w.awaitEnd()
	if options.Continue == "" {
		view, err := w.shares.View(ctx)
		if err != nil {
			return nil, err
		}
		w.forgetAll()
		w.have = view.Share
	}
	list, err := w.list(ctx, options, w.have)
	if err != nil {
		return nil, err
	}
	return list, meta.EachListItem(list, func(object runtime.Object) error {
		accessor, err := meta.Accessor(object)
		if err == nil {
			w.remember(accessor)
		}
		return err
	})
}

// WatchWithContext watches the share; it waits until the share is known.
func (w *listWatch) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	w.awaitEnd()
	view, err := w.shares.View(ctx)
	if err != nil {
		return nil, err
	}
	s := &stream{owner: w, view: view, results: make(chan watch.Event), ended: make(chan struct{})}
	switch {
	case options.SendInitialEvents != nil && *options.SendInitialEvents:
		w.forgetAll() // the reflector starts over
		s.initial = true
	case w.have.Covers(view.Share):
		s.ahead = w.losses(view.Share, options.ResourceVersion)
	default:
		if s.ahead, options.ResourceVersion, err = w.catchUp(ctx, view.Share); err != nil {
			return nil, err
		}
	}
	s.position = options.ResourceVersion
	if w.selects {
		options.ShardSelector = view.Share.Selector()
	}
	ctx, s.cancel = context.WithCancel(ctx)
	if s.inner, err = w.inner.WatchWithContext(ctx, options); err != nil {
		s.cancel()
		return nil, err
	}
	w.last = s
	go s.run(ctx)
	return s, nil
}

// list lists the objects of a share.
func (w *listWatch) list(ctx context.Context, options metav1.ListOptions, share ring.Share) (runtime.Object, error) {
	if w.selects {
		options.ShardSelector = share.Selector()
	}
	list, err := w.inner.ListWithContext(ctx, options)
	if err != nil {
		return nil, err
	}
	all, err := meta.ExtractList(list)
	if err != nil {
		return nil, fmt.Errorf("filter a list: %w", err)
	}
	own := make([]runtime.Object, 0, len(all))
	for _, object := range all {
		accessor, err := meta.Accessor(object)
		if err != nil {
			return nil, fmt.Errorf("filter a list: %w", err)
		}
		if w.in(share, accessor) {
			own = append(own, object)
		}
	}
	w.filtered.Add(float64(len(all) - len(own)))
	return list, meta.SetList(list, own) // copies: the others' memory is free
}

// catchUp lists a share. It returns the events that bring an informer to that state, and the version to watch from.
func (w *listWatch) catchUp(ctx context.Context, share ring.Share) ([]watch.Event, string, error) {
	pages := pager.New(pager.SimplePageFunc(func(options metav1.ListOptions) (runtime.Object, error) {
		return w.list(ctx, options, share)
	}))
	list, _, err := pages.ListWithAlloc(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, "", err
	}
	about, err := meta.ListAccessor(list)
	if err != nil {
		return nil, "", err
	}
	position, listed := about.GetResourceVersion(), map[types.NamespacedName]bool{}
	var events []watch.Event
	// WithAlloc: an object that is kept does not hold the memory of the whole list.
	err = meta.EachListItemWithAlloc(list, func(object runtime.Object) error {
		accessor, err := meta.Accessor(object)
		if err == nil {
			listed[keyOf(accessor)] = true
			events = append(events, watch.Event{Type: watch.Added, Object: object})
		}
		return err
	})
	for key := range w.known {
		if !listed[key] {
			events = append(events, watch.Event{Type: watch.Deleted, Object: w.synthetic(key, position)})
		}
	}
	// The objects' versions are older than the list's, and the reflector remembers the last that it saw.
	return append(events, w.bookmark(position)), position, err
}

// losses are the events that remove what is not in a share.
func (w *listWatch) losses(share ring.Share, position string) []watch.Event {
	var events []watch.Event
	for key, owner := range w.known {
		if owner != "" && !share.Owns(owner) {
			events = append(events, watch.Event{Type: watch.Deleted, Object: w.synthetic(key, position)})
		}
	}
	if events == nil {
		return nil
	}
	return append(events, w.bookmark(position))
}

func (w *listWatch) bookmark(position string) watch.Event {
	return watch.Event{Type: watch.Bookmark, Object: w.synthetic(types.NamespacedName{}, position)}
}

// synthetic is an object of the informer's type with nothing but a name.
func (w *listWatch) synthetic(key types.NamespacedName, resourceVersion string) runtime.Object {
	object := w.prototype.DeepCopyObject()
	if accessor, err := meta.Accessor(object); err == nil { // it is one of the two types that are narrowed
		accessor.SetNamespace(key.Namespace)
		accessor.SetName(key.Name)
		accessor.SetResourceVersion(resourceVersion)
	}
	return object
}

func (w *listWatch) in(share ring.Share, object metav1.Object) bool {
	owner := w.owner(object)
	return owner == "" || share.Owns(owner)
}

func (w *listWatch) remember(object metav1.Object) {
	key := keyOf(object)
	if _, ok := w.known[key]; !ok {
		w.objects.Inc()
	}
	w.known[key] = w.owner(object)
}

func (w *listWatch) forget(key types.NamespacedName) {
	if _, ok := w.known[key]; ok {
		w.objects.Dec()
		delete(w.known, key)
	}
}

func (w *listWatch) forgetAll() {
	w.objects.Sub(float64(len(w.known)))
	w.known = map[types.NamespacedName]types.UID{}
}

func (w *listWatch) awaitEnd() {
	if w.last != nil {
		w.last.Stop() // the reflector has done so
		<-w.last.ended
	}
}

func keyOf(object metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}
}
