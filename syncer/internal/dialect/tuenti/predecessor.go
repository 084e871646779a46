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

// importer takes over what secrets-manager left: Secrets without an owner, and objects with a finalizer.
type importer struct {
	kinds  []dialect.Kind // all that are served
	client client.Client  // reads objects from a cache
	live   client.Reader  // reads past the cache
	writer *apply.Writer
}

// Adopt takes over a Secret that secrets-manager made, for the first of those objects that name it.
func (i *importer) Adopt(
	ctx context.Context, object controller.Object, secret *corev1.Secret,
) (permitted bool, problem string, err error) {
	if !madeBefore(secret, object) {
		return false, "", nil
	}
	others, err := i.claimants(ctx, object, secret.Name)
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

// Release frees an object of secrets-manager's finalizer. Where that is the last moment to do what the finalizer was for,
// it does so: a Secret that has not been taken over yet goes with its object, unless another object claims it.
func (i *importer) Release(ctx context.Context, object controller.Object) error {
	if !controllerutil.ContainsFinalizer(object, v1alpha1.Finalizer) {
		return nil
	}
	freed, _ := object.DeepCopyObject().(controller.Object) // a copy is of the same type
	if definition, ok := object.(*v1alpha1.SecretDefinition); ok && definition.DeletionTimestamp != nil {
		mine := apply.Owner{Namespace: definition.Namespace, UID: definition.UID}
		err := i.writer.Remove(ctx, mine, definition.Spec.Name, func(secret *corev1.Secret) (bool, error) {
			if !madeBefore(secret, object) {
				return false, nil
			}
			others, err := i.claimants(ctx, object, secret.Name)
			return len(others) == 0, err
		})
		if err != nil {
			return err
		}
	}
	controllerutil.RemoveFinalizer(freed, v1alpha1.Finalizer)
	patch := client.MergeFromWithOptions(object, client.MergeFromWithOptimisticLock{}) // others may have finalizers of their own
	return client.IgnoreNotFound(i.client.Patch(ctx, freed, patch, client.FieldOwner(names.FieldManager)))
}

// madeBefore recognises a Secret that secrets-manager made for an object, and that no object owns. A label of the object's own
// replaced that of secrets-manager.
func madeBefore(secret *corev1.Secret, object metav1.Object) bool {
	by := secret.Labels[v1alpha1.LabelManagedBy]
	_, stamped := secret.Annotations[v1alpha1.AnnotationLastUpdate]
	return stamped && owner.Of(secret) == owner.Claim{} &&
		(by == v1alpha1.ManagedBy || by != "" && by == object.GetLabels()[v1alpha1.LabelManagedBy])
}

const claimantsPage = 500 // objects in memory at a time

// claimant is another object that names the same Secret.
type claimant struct {
	dialect.Object
	kind string
}

// claimants are the other living objects of any kind that name a Secret. They are read live, served by this syncer or not:
// that is only needed once in a Secret's life.
func (i *importer) claimants(ctx context.Context, object controller.Object, secret string) ([]claimant, error) {
	var all []claimant
	for _, kind := range i.kinds {
		named, err := i.claimantsOf(ctx, kind, object.GetNamespace(), secret)
		if err != nil {
			return nil, err
		}
		all = append(all, named...)
	}
	return slices.DeleteFunc(all, func(other claimant) bool {
		return other.GetUID() == object.GetUID() || other.GetDeletionTimestamp() != nil
	}), nil
}

func (i *importer) claimantsOf(ctx context.Context, kind dialect.Kind, namespace, secret string) ([]claimant, error) {
	options := []client.ListOption{client.InNamespace(namespace), client.Limit(claimantsPage)}
	namer, named := kind.(dialect.Namer)
	if !named {
		// A list, since the syncer has no right to get one.
		options = append(options, client.MatchingFields{"metadata.name": secret})
	}
	var all []claimant
	for next := ""; ; {
		page := kind.NewList()
		err := i.live.List(ctx, page, append(options, client.Continue(next))...)
		if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
			return nil, nil // the cluster does not know the kind
		}
		if err != nil {
			return nil, err
		}
		err = meta.EachListItem(page, func(item runtime.Object) error {
			if other, ok := item.(dialect.Object); ok && (!named || namer.Secret(other) == secret) {
				all = append(all, claimant{other, kind.Type().Kind})
			}
			return nil
		})
		if next = page.GetContinue(); next == "" || err != nil {
			return all, err
		}
	}
}

// older reports whether an object was there before another; the uid decides where both came within a second.
func older(a, b metav1.Object) bool {
	at, other := a.GetCreationTimestamp(), b.GetCreationTimestamp()
	if !at.Equal(&other) {
		return at.Before(&other)
	}
	return a.GetUID() < b.GetUID()
}
