package vso

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/syncer/internal/controller"
	"github.com/secretgate/secretgate/syncer/internal/dialect"
	"github.com/secretgate/secretgate/syncer/internal/owner"
)

// The label by which Vault Secrets Operator knows the Secrets that it makes.
const labelManager, valueManager = "app.kubernetes.io/managed-by", "hashicorp-vso"

// takeover implements controller.Takeover for what Vault Secrets Operator left: objects with a finalizer, and Secrets with a reference to
// their object. A Secret whose reference says that the object is its controller needs no takeover.
type takeover struct{ client client.Client }

// Adopt permits an object to take over the Secret that Vault Secrets Operator made for it.
func (t *takeover) Adopt(_ context.Context, object controller.Object, secret *corev1.Secret) (permitted bool, problem string, err error) {
	owners := secret.OwnerReferences
	return secret.Labels[labelManager] == valueManager && len(owners) == 1 && owners[0].UID == object.GetUID() &&
		owner.Of(secret) == owner.Reference{}, "", nil
}

// Finish removes Vault Secrets Operator's finalizer from an object. What it is for, the deletion of the Secret, an owner reference does.
func (t *takeover) Finish(ctx context.Context, object controller.Object) error {
	return dialect.RemoveFinalizer(ctx, t.client, object, v1beta1.Finalizer)
}
