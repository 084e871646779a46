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
)

// listWatch is what an informer's reflector lists and watches: another one, without the objects that are
// not in the replica's share. The API server is asked for the share alone, where it knows how; what it
// sends is looked at again all the same, since it may not know.
//
// When the share changes, the watch goes on in three steps. The stream takes back what the replica lost,
// which needs no answer from the API server, and ends. The reflector asks for another one at once. That one begins with
// what the replica gained, from a list, and goes on where the list was made. A relist by the reflector
// would do all this, too, but it waits before it relists, twice as long each time, up to a minute: too
// long for a rolling update.
//
// A reflector calls one method at a time; each waits for the end of the stream before, so that the fields
// below need no lock.
type listWatch struct {
	inner     cache.ListerWatcherWithContext
	view      func(context.Context) (View, error)
	owner     func(metav1.Object) types.UID // whose share decides; an empty one is in every share
	selects   bool                          // the API server can decide, too
	prototype runtime.Object

	objects             prometheus.Gauge
	filtered, handovers prometheus.Counter

	have  Share                              // of this the informer has everything
	known map[types.NamespacedName]types.UID // what the informer has, or may have, and the owners
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

// ListWithContext lists what is in the share; it waits until that is known. All pages of one list are
// filtered by one share: if it changes meanwhile, the watch that follows makes up for it.
func (w *listWatch) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	w.awaitEnd()
	if options.Continue == "" {
		view, err := w.view(ctx)
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

// WatchWithContext watches what is in the share; it waits until that is known.
func (w *listWatch) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	w.awaitEnd()
	view, err := w.view(ctx)
	if err != nil {
		return nil, err
	}
	s := &stream{owner: w, view: view, results: make(chan watch.Event), ended: make(chan struct{})}
	switch {
	case options.SendInitialEvents != nil && *options.SendInitialEvents:
		w.forgetAll() // the reflector begins anew
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

// list lists what is in a share.
func (w *listWatch) list(ctx context.Context, options metav1.ListOptions, share Share) (runtime.Object, error) {
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

// catchUp lists a share, and answers the events that lead an informer there, and where to watch from.
func (w *listWatch) catchUp(ctx context.Context, share Share) ([]watch.Event, string, error) {
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
	// WithAlloc: an object that lives on does not keep all the others that came with it.
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

// losses are the events that take back what is not in a share.
func (w *listWatch) losses(share Share, position string) []watch.Event {
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

// synthetic is an object of the informer's type that says no more than its name.
func (w *listWatch) synthetic(key types.NamespacedName, resourceVersion string) runtime.Object {
	object := w.prototype.DeepCopyObject()
	if accessor, err := meta.Accessor(object); err == nil { // it is one of the two types that are narrowed
		accessor.SetNamespace(key.Namespace)
		accessor.SetName(key.Name)
		accessor.SetResourceVersion(resourceVersion)
	}
	return object
}

func (w *listWatch) in(share Share, object metav1.Object) bool {
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
