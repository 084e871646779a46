package shard

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
)

// Informers makes informers that hold the replica's own objects alone.
type Informers struct {
	View    func(context.Context) (View, error) // Membership.View
	Metrics *Metrics
}

// New makes an informer; it fits controller-runtime's cache.Options.NewInformer. ExternalSecrets and the
// metadata of Secrets are narrowed to the share; all others, such as namespaces, are left alone.
func (i Informers) New(
	lw cache.ListerWatcher, object runtime.Object, resync time.Duration, indexers cache.Indexers,
) cache.SharedIndexInformer {
	if narrowed := i.narrow(lw, object); narrowed != nil {
		lw = narrowed
	}
	return cache.NewSharedIndexInformer(lw, object, resync, indexers)
}

func (i Informers) narrow(lw cache.ListerWatcher, object runtime.Object) *listWatch {
	w := &listWatch{inner: cache.ToListerWatcherWithContext(lw), view: i.View}
	gvk := object.GetObjectKind().GroupVersionKind() // of a metadata informer; empty for Go types
	if _, ok := object.(*apiv1.ExternalSecret); ok {
		gvk = apiv1.GroupVersion.WithKind(apiv1.Kind)
		w.prototype = &apiv1.ExternalSecret{}
	} else {
		metadata := &metav1.PartialObjectMetadata{}
		metadata.SetGroupVersionKind(gvk)
		w.prototype = metadata
	}
	switch gvk.GroupKind() {
	case schema.GroupKind{Group: apiv1.GroupVersion.Group, Kind: apiv1.Kind}:
		w.owner, w.selects = metav1.Object.GetUID, true
	case schema.GroupKind{Group: corev1.GroupName, Kind: "Secret"}:
		w.owner = ownerOfSecret // its own uid says nothing, so that there is no selector
	default:
		return nil
	}
	w.objects = i.Metrics.objects.WithLabelValues(gvk.Kind)
	w.filtered = i.Metrics.filtered.WithLabelValues(gvk.Kind)
	w.handovers = i.Metrics.handovers.WithLabelValues(gvk.Kind)
	return w
}

// ownerOfSecret is the uid of the ExternalSecret behind a Secret; empty where it names none.
func ownerOfSecret(secret metav1.Object) types.UID {
	if ref := metav1.GetControllerOfNoCopy(secret); ref != nil {
		if gv, err := schema.ParseGroupVersion(ref.APIVersion); err == nil && gv.Group == apiv1.GroupVersion.Group && ref.Kind == apiv1.Kind {
			return ref.UID
		}
	}
	return types.UID(secret.GetAnnotations()[apiv1.AnnotationOwnerUID])
}
