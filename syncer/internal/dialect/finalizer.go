package dialect

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/syncer/internal/controller"
)

// RemoveFinalizer removes a finalizer of an original controller from an object: it would keep the object for ever once that controller
// does not serve it any more. Finalizers of other clients stay.
func RemoveFinalizer(ctx context.Context, c client.Client, object controller.Object, finalizer string) error {
	if !controllerutil.ContainsFinalizer(object, finalizer) {
		return nil
	}
	freed, _ := object.DeepCopyObject().(controller.Object) // a copy is of the same type
	controllerutil.RemoveFinalizer(freed, finalizer)
	patch := client.MergeFromWithOptions(object, client.MergeFromWithOptimisticLock{}) // others may have finalizers of their own
	return client.IgnoreNotFound(c.Patch(ctx, freed, patch, client.FieldOwner(names.FieldManager)))
}
