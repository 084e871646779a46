package tuenti

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/tuenti/v1alpha1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/controller"
	"github.com/secretgate/secretgate/syncer/internal/owner"
)

// takeover implements controller.Takeover for what secrets-manager left: Secrets without an owner, and objects with a finalizer.
type takeover struct {
	kinds  []dialect.Kind // all that are served
	client client.Client  // reads objects from a cache
	live   client.Reader  // reads past the cache
	writer *apply.Writer
}

// Adopt permits the oldest of the objects that name a Secret to take it over, if secrets-manager made it.
func (t *takeover) Adopt(
	ctx context.Context, object controller.Object, secret *corev1.Secret,
) (permitted bool, problem string, err error) {
	if !adoptable(secret, object) {
		return false, "", nil
	}
	others, err := t.conflictingObjects(ctx, object, secret.Name)
	if err != nil {
		return false, "", err
	}
	for _, other := range others {
		if older(other, object) {
			return false, fmt.Sprintf("Secret %s is claimed by %s %s, too, which is older: it is left alone; delete one of the two, "+
				"or set another spec.name", secret.Name, other.kind, other.GetName()), nil
		}
	}
	return true, "", nil
}

// Finish removes secrets-manager's finalizer from an object. It first does what the finalizer is for: a Secret that has not been
// taken over yet is deleted with its object, unless another object names it, too.
func (t *takeover) Finish(ctx context.Context, object controller.Object) error {
	if !controllerutil.ContainsFinalizer(object, v1alpha1.Finalizer) {
		return nil
	}
	freed, _ := object.DeepCopyObject().(controller.Object) // a copy is of the same type
	if definition, ok := object.(*v1alpha1.SecretDefinition); ok && definition.DeletionTimestamp != nil {
		mine := apply.Owner{Namespace: definition.Namespace, UID: definition.UID}
		_, err := t.writer.Remove(ctx, mine, definition.Spec.Name, func(secret *corev1.Secret) (bool, error) {
			if !adoptable(secret, object) {
				return false, nil
			}
			others, err := t.conflictingObjects(ctx, object, secret.Name)
			return len(others) == 0, err
		})
		if err != nil {
			return err
		}
	}
	controllerutil.RemoveFinalizer(freed, v1alpha1.Finalizer)
	patch := client.MergeFromWithOptions(object, client.MergeFromWithOptimisticLock{}) // others may have finalizers of their own
	return client.IgnoreNotFound(t.client.Patch(ctx, freed, patch, client.FieldOwner(names.FieldManager)))
}

// adoptable reports whether secrets-manager made a Secret for an object, and no object owns it. A label of the object's own
// replaced that of secrets-manager.
func adoptable(secret *corev1.Secret, object metav1.Object) bool {
	by := secret.Labels[v1alpha1.LabelManagedBy]
	_, stamped := secret.Annotations[v1alpha1.AnnotationLastUpdate]
	return stamped && owner.Of(secret) == owner.Reference{} &&
		(by == v1alpha1.ManagedBy || by != "" && by == object.GetLabels()[v1alpha1.LabelManagedBy])
}

const listPageSize = 500 // objects in memory at a time

// objectOfKind is an object with its kind, which items of a typed list lack.
type objectOfKind struct {
	dialect.Object
	kind string
}

// conflictingObjects lists the other objects of any kind that name a Secret, without those being deleted. They are read live, served by
// this syncer or not: that is only needed once in a Secret's life.
func (t *takeover) conflictingObjects(ctx context.Context, object controller.Object, secret string) ([]objectOfKind, error) {
	var all []objectOfKind
	for _, kind := range t.kinds {
		named, err := t.objectsNaming(ctx, kind, object.GetNamespace(), secret)
		if err != nil {
			return nil, err
		}
		all = append(all, named...)
	}
	return slices.DeleteFunc(all, func(other objectOfKind) bool {
		return other.GetUID() == object.GetUID() || other.GetDeletionTimestamp() != nil
	}), nil
}

// objectsNaming lists the objects of one kind that name a Secret.
func (t *takeover) objectsNaming(ctx context.Context, kind dialect.Kind, namespace, secret string) ([]objectOfKind, error) {
	options := []client.ListOption{client.InNamespace(namespace), client.Limit(listPageSize)}
	namer, named := kind.(dialect.Namer)
	if !named {
		// A list, since the syncer has no right to get one.
		options = append(options, client.MatchingFields{"metadata.name": secret})
	}
	var all []objectOfKind
	for next := ""; ; {
		page := kind.NewList()
		err := t.live.List(ctx, page, append(options, client.Continue(next))...)
		if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
			return nil, nil // the cluster does not know the kind
		}
		if err != nil {
			return nil, err
		}
		err = meta.EachListItem(page, func(item runtime.Object) error {
			if other, ok := item.(dialect.Object); ok && (!named || namer.Secret(other) == secret) {
				all = append(all, objectOfKind{other, kind.Type().Kind})
			}
			return nil
		})
		if next = page.GetContinue(); next == "" || err != nil {
			return all, err
		}
	}
}

// older reports whether an object was created before another; the uid decides if both were created in the same second.
func older(a, b metav1.Object) bool {
	at, other := a.GetCreationTimestamp(), b.GetCreationTimestamp()
	if !at.Equal(&other) {
		return at.Before(&other)
	}
	return a.GetUID() < b.GetUID()
}
