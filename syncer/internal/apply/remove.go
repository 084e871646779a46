package apply

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Remove deletes a Secret that the owner has no use for any more: its own, or one without a controller that recognised says is
// the owner's all the same (nil: none is). Any other is left alone. That it is gone already is no error, nor a name that no Secret
// can have. removed: it was there, and is deleted.
func (w *Writer) Remove(
	ctx context.Context, owner Owner, name string, recognised func(*corev1.Secret) (bool, error),
) (removed bool, err error) {
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		return false, nil
	}
	secret := &corev1.Secret{}
	if err := w.Client.Get(ctx, client.ObjectKey{Namespace: owner.Namespace, Name: name}, secret); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	own := owner.owns(secret)
	if !own && recognised != nil {
		if own, err = recognised(secret); err != nil {
			return false, err
		}
	}
	if !own {
		return false, nil
	}
	err = w.Client.Delete(ctx, secret, client.Preconditions{UID: &secret.UID, ResourceVersion: &secret.ResourceVersion})
	return err == nil, client.IgnoreNotFound(err)
}
