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

	"github.com/secretgate/secretgate/syncer/internal/shard/ring"
)

// listWatch filters the ListerWatcher of an informer's reflector: it leaves out the objects that are not in the replica's share. It
// requests only the share, where the API server supports that, and filters the response in any case.
//
// A reflector calls one method at a time; each waits for the end of the stream before, so that the fields
// below need no lock.
type listWatch struct {
	inner     cache.ListerWatcherWithContext
	shares    *Shares
	owner     func(metav1.Object) types.UID // decides the share; an empty uid is in every share
	selects   bool                          // the API server can filter, too
	prototype runtime.Object

	filtered, handovers prometheus.Counter

	contents contents
	have     ring.Share // the informer has all objects of this share
	last     *stream
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
		w.contents.clear()
		w.have = view.Share
	}
	list, err := w.list(ctx, options, w.have)
	if err != nil {
		return nil, err
	}
	return list, meta.EachListItem(list, func(object runtime.Object) error {
		accessor, err := meta.Accessor(object)
		if err == nil {
			w.contents.add(keyOf(accessor), w.owner(accessor))
		}
		return err
	})
}

// WatchWithContext watches the share; it waits until the share is known. The watch begins with the share that was listed, and
// follows each change since.
func (w *listWatch) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	w.awaitEnd()
	view, err := w.shares.View(ctx)
	if err != nil {
		return nil, err
	}
	if options.SendInitialEvents != nil && *options.SendInitialEvents { // the reflector starts over
		w.contents.clear()
		w.have = view.Share
	}
	s := &stream{listWatch: w, options: options, view: view, results: make(chan watch.Event), ended: make(chan struct{})}
	ctx, s.cancel = context.WithCancel(ctx)
	inner, err := w.watch(ctx, options, w.have)
	if err != nil {
		s.cancel()
		return nil, err
	}
	w.last = s
	go s.run(ctx, inner)
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
		if inShare(share, w.owner(accessor)) {
			own = append(own, object)
		}
	}
	w.filtered.Add(float64(len(all) - len(own)))
	return list, meta.SetList(list, own) // copies: the others' memory is free
}

// watch watches the objects of a share; where the API server cannot filter, those of all.
func (w *listWatch) watch(ctx context.Context, options metav1.ListOptions, share ring.Share) (watch.Interface, error) {
	if w.selects {
		options.ShardSelector = share.Selector()
	}
	return w.inner.WatchWithContext(ctx, options)
}

func (w *listWatch) awaitEnd() {
	if w.last != nil {
		w.last.Stop() // the reflector has done so
		<-w.last.ended
	}
}

// inShare reports whether a share has the objects of an owner.
func inShare(share ring.Share, owner types.UID) bool { return owner == "" || share.Owns(owner) }
