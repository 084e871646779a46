package shard

import (
	"reflect"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/syncer/internal/owner"
)

// Informers makes informers that hold the replica's own objects alone.
type Informers struct {
	Shares  *Shares
	Kinds   []dialect.Kind // of the objects that Secrets are made for
	Metrics *Metrics
}

// New makes an informer; it fits controller-runtime's cache.Options.NewInformer. The objects that Secrets are made
// for, and the metadata of Secrets, are narrowed to the share; all others, such as namespaces, are left alone.
func (i Informers) New(
	lw cache.ListerWatcher, object runtime.Object, resync time.Duration, indexers cache.Indexers,
) cache.SharedIndexInformer {
	if narrowed := i.narrow(lw, object); narrowed != nil {
		lw = narrowed
	}
	return cache.NewSharedIndexInformer(lw, object, resync, indexers)
}

func (i Informers) narrow(lw cache.ListerWatcher, object runtime.Object) *listWatch {
	w := &listWatch{inner: cache.ToListerWatcherWithContext(lw), shares: i.Shares}
	gvk := object.GetObjectKind().GroupVersionKind() // of a metadata informer; empty for Go types
	if kind := i.kindOf(object); kind != nil {
		gvk, w.prototype = kind.Type().GroupVersionKind, kind.New()
	} else {
		metadata := &metav1.PartialObjectMetadata{}
		metadata.SetGroupVersionKind(gvk)
		w.prototype = metadata
	}
	switch {
	case i.makes(gvk.GroupKind()):
		w.owner, w.selects = metav1.Object.GetUID, true
	case gvk.GroupKind() == schema.GroupKind{Group: corev1.GroupName, Kind: "Secret"}:
		w.owner = i.ownerOfSecret // its own uid says nothing, so that there is no selector
	default:
		return nil
	}
	w.contents.count = i.Metrics.objects.WithLabelValues(gvk.Kind)
	w.filtered = i.Metrics.filtered.WithLabelValues(gvk.Kind)
	w.handovers = i.Metrics.handovers.WithLabelValues(gvk.Kind)
	return w
}

// kindOf is the kind of a typed object; nil: none that Secrets are made for.
func (i Informers) kindOf(object runtime.Object) dialect.Kind {
	for _, kind := range i.Kinds {
		if reflect.TypeOf(kind.New()) == reflect.TypeOf(object) {
			return kind
		}
	}
	return nil
}

// makes reports whether Secrets are made for objects of a kind.
func (i Informers) makes(kind schema.GroupKind) bool {
	return slices.ContainsFunc(i.Kinds, func(k dialect.Kind) bool { return k.Type().GroupKind() == kind })
}

// ownerOfSecret is the uid of the object behind a Secret; empty where it names none.
func (i Informers) ownerOfSecret(secret metav1.Object) types.UID {
	owned := owner.Of(secret)
	if ref := owned.Controller; ref != nil {
		if gv, err := schema.ParseGroupVersion(ref.APIVersion); err == nil && i.makes(schema.GroupKind{Group: gv.Group, Kind: ref.Kind}) {
			return ref.UID
		}
	}
	return owned.Retained
}
