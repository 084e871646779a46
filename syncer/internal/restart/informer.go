package restart

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// pageSize is how many objects an answer to a list holds at most. A ConfigMap may have a MiB, and an answer is in memory twice: as it was
// sent, and decoded.
const pageSize = 50

// NewInformer makes an informer whose lists are read page by page, each of which is stripped before the next one is read. It fits
// controller-runtime's cache.Options.NewInformer. Where the API server streams lists, none is read at all. Elsewhere a reflector requests a
// list whole from the API server's cache, which takes no notice of pages: all ConfigMaps of the cluster at once, in memory.
func NewInformer(lw cache.ListerWatcher, object runtime.Object, resync time.Duration, indexers cache.Indexers) cache.SharedIndexInformer {
	return cache.NewSharedIndexInformer(pages{cache.ToListerWatcherWithContext(lw)}, object, resync, indexers)
}

// pages reads lists page by page.
type pages struct{ cache.ListerWatcherWithContext }

var _ cache.ListerWatcher = pages{}

// ListWithContext answers with a whole list of what restarts read. A list that takes so long that the API server does not know its
// beginning any more fails, and the reflector begins anew.
func (p pages) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	// Those of the reflector's that let the API server answer from its cache. The present state is as new as any that was asked for.
	options.ResourceVersion, options.ResourceVersionMatch = "", ""
	options.Limit = pageSize
	var all []runtime.Object
	for {
		page, err := p.ListerWatcherWithContext.ListWithContext(ctx, options)
		if err != nil {
			return nil, err
		}
		err = meta.EachListItemWithAlloc(page, func(item runtime.Object) error { // else each item holds the memory of its page
			_, err := Strip(item)
			all = append(all, item)
			return err
		})
		if err != nil {
			return nil, err
		}
		about, err := meta.ListAccessor(page)
		if err != nil {
			return nil, err
		}
		if options.Continue = about.GetContinue(); options.Continue == "" {
			return page, meta.SetList(page, all)
		}
	}
}

// List implements cache.ListerWatcher.
func (p pages) List(options metav1.ListOptions) (runtime.Object, error) {
	return p.ListWithContext(context.Background(), options)
}

// Watch implements cache.ListerWatcher.
func (p pages) Watch(options metav1.ListOptions) (watch.Interface, error) {
	return p.WatchWithContext(context.Background(), options)
}
