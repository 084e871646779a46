package kind

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/secretgate/secretgate/shared/api/secretsmanager/v1alpha1"
	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/controller"
)

// secrets-manager left Secrets without an owner, and objects with a finalizer. This file takes both over.

// adopt takes over a Secret that secrets-manager made, for the first of those objects that name it.
func (d *Definitions) adopt(
	ctx context.Context, object controller.Object, secret *corev1.Secret,
) (permitted bool, problem string, err error) {
	if !madeBefore(secret, object) {
		return false, "", nil
	}
	others, err := d.claimants(ctx, object, secret.Name)
	if err != nil {
		return false, "", err
	}
	for _, other := range others {
		if older(other, object) {
			return false, fmt.Sprintf("Secret %s is claimed by %s %s, too, which is older: it is left alone; delete one of the two, "+
				"or set another spec.name", secret.Name, kindOf(other), other.GetName()), nil
		}
	}
	return true, "", nil
}

// release frees an object of secrets-manager's finalizer. Where that is the last moment to do what the finalizer was for,
// it does so: a Secret that has not been taken over yet goes with its object, unless somebody else claims it.
func (d *Definitions) release(ctx context.Context, object controller.Object) error {
	if !controllerutil.ContainsFinalizer(object, v1alpha1.Finalizer) {
		return nil
	}
	freed, _ := object.DeepCopyObject().(controller.Object) // a copy is of the same type
	if definition, ok := object.(*v1alpha1.SecretDefinition); ok && definition.DeletionTimestamp != nil {
		owner := apply.Owner{Namespace: definition.Namespace, UID: definition.UID}
		err := d.Writer.Remove(ctx, owner, definition.Spec.Name, func(secret *corev1.Secret) (bool, error) {
			if !madeBefore(secret, object) {
				return false, nil
			}
			others, err := d.claimants(ctx, object, secret.Name)
			return len(others) == 0, err
		})
		if err != nil {
			return err
		}
	}
	controllerutil.RemoveFinalizer(freed, v1alpha1.Finalizer)
	patch := client.MergeFromWithOptions(object, client.MergeFromWithOptimisticLock{}) // others may have finalizers of their own
	return client.IgnoreNotFound(d.Client.Patch(ctx, freed, patch, client.FieldOwner(apiv1.FieldManager)))
}

// madeBefore recognises a Secret that secrets-manager made for an object, and that nobody owns. A label of the object's own
// replaced that of secrets-manager.
func madeBefore(secret *corev1.Secret, object metav1.Object) bool {
	by := secret.Labels[v1alpha1.LabelManagedBy]
	_, stamped := secret.Annotations[v1alpha1.AnnotationLastUpdate]
	return stamped && metav1.GetControllerOfNoCopy(secret) == nil && secret.Annotations[apiv1.AnnotationOwnerUID] == "" &&
		(by == v1alpha1.ManagedBy || by != "" && by == object.GetLabels()[v1alpha1.LabelManagedBy])
}

const claimantsPage = 500 // objects in memory at a time

// claimants are the other living objects of either kind that name a Secret. They are read live, whoever serves them:
// that is only needed once in a Secret's life.
func (d *Definitions) claimants(ctx context.Context, object controller.Object, secret string) ([]client.Object, error) {
	var others []client.Object
	for next := ""; ; {
		page := &v1alpha1.SecretDefinitionList{}
		err := d.Live.List(ctx, page, client.InNamespace(object.GetNamespace()), client.Limit(claimantsPage), client.Continue(next))
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			if other := &page.Items[i]; other.Spec.Name == secret && other.UID != object.GetUID() {
				others = append(others, other)
			}
		}
		if next = page.Continue; next == "" {
			break
		}
	}
	named := &apiv1.ExternalSecretList{} // a list, since the syncer has no right to get one
	if err := d.Live.List(ctx, named, client.InNamespace(object.GetNamespace()), client.MatchingFields{"metadata.name": secret}); err != nil {
		return nil, err
	}
	for i := range named.Items {
		others = append(others, &named.Items[i])
	}
	return slices.DeleteFunc(others, func(other client.Object) bool { return other.GetDeletionTimestamp() != nil }), nil
}

// older tells whether an object was there before another; the uid decides where both came within a second.
func older(a, b metav1.Object) bool {
	at, other := a.GetCreationTimestamp(), b.GetCreationTimestamp()
	if !at.Equal(&other) {
		return at.Before(&other)
	}
	return a.GetUID() < b.GetUID()
}

func kindOf(object client.Object) string {
	if _, ok := object.(*apiv1.ExternalSecret); ok {
		return apiv1.Kind
	}
	return v1alpha1.Kind
}
