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

	"github.com/secretgate/secretgate/shared/api/secretsmanager/v1alpha1"
	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
)

// Informers makes informers that hold the replica's own objects alone.
type Informers struct {
	View    func(context.Context) (View, error) // Membership.View
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
	w := &listWatch{inner: cache.ToListerWatcherWithContext(lw), view: i.View}
	gvk := object.GetObjectKind().GroupVersionKind() // of a metadata informer; empty for Go types
	switch object.(type) {
	case *apiv1.ExternalSecret:
		gvk, w.prototype = apiv1.GroupVersion.WithKind(apiv1.Kind), &apiv1.ExternalSecret{}
	case *v1alpha1.SecretDefinition:
		gvk, w.prototype = v1alpha1.GroupVersion.WithKind(v1alpha1.Kind), &v1alpha1.SecretDefinition{}
	default:
		metadata := &metav1.PartialObjectMetadata{}
		metadata.SetGroupVersionKind(gvk)
		w.prototype = metadata
	}
	switch {
	case owners[gvk.GroupKind()]:
		w.owner, w.selects = metav1.Object.GetUID, true
	case gvk.GroupKind() == schema.GroupKind{Group: corev1.GroupName, Kind: "Secret"}:
		w.owner = ownerOfSecret // its own uid says nothing, so that there is no selector
	default:
		return nil
	}
	w.objects = i.Metrics.objects.WithLabelValues(gvk.Kind)
	w.filtered = i.Metrics.filtered.WithLabelValues(gvk.Kind)
	w.handovers = i.Metrics.handovers.WithLabelValues(gvk.Kind)
	return w
}

// owners are the kinds of objects that Secrets are made for.
var owners = map[schema.GroupKind]bool{
	{Group: apiv1.GroupVersion.Group, Kind: apiv1.Kind}:       true,
	{Group: v1alpha1.GroupVersion.Group, Kind: v1alpha1.Kind}: true,
}

// ownerOfSecret is the uid of the object behind a Secret; empty where it names none.
func ownerOfSecret(secret metav1.Object) types.UID {
	if ref := metav1.GetControllerOfNoCopy(secret); ref != nil {
		if gv, err := schema.ParseGroupVersion(ref.APIVersion); err == nil && owners[schema.GroupKind{Group: gv.Group, Kind: ref.Kind}] {
			return ref.UID
		}
	}
	return types.UID(secret.GetAnnotations()[apiv1.AnnotationOwnerUID])
}
