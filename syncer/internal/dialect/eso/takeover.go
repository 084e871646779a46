package eso

import (
	"context"
	"crypto/sha3"
	"encoding/hex"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/syncer/internal/controller"
	"github.com/secretgate/secretgate/syncer/internal/dialect"
	"github.com/secretgate/secretgate/syncer/internal/owner"
)

// takeover implements controller.Takeover for what External Secrets Operator left: objects with a finalizer, and Secrets without an owner.
// A Secret with an owner needs no takeover, since its owner is the same object.
type takeover struct{ client client.Client }

// Adopt permits an object to take over the Secret that External Secrets Operator made for it under creationPolicy Orphan.
func (t *takeover) Adopt(_ context.Context, object controller.Object, secret *corev1.Secret) (permitted bool, problem string, err error) {
	return madeFor(object.GetName(), secret), "", nil
}

// madeFor reports whether External Secrets Operator made a Secret for the object of a name, and no other client has set entries of it.
// It labels also Secrets of others that it merges entries into: these are not the object's, whose entries alone would be left.
func madeFor(object string, secret *corev1.Secret) bool {
	manager := fieldManager(object)
	made := owner.FieldsOf(secret.ManagedFields, manager)
	others := owner.FieldsWhere(secret.ManagedFields, func(other string) bool { return other != manager })
	return owner.Of(secret) == owner.Reference{} && secret.Labels[v1.LabelManaged] == "true" &&
		made.Type && !others.Type && len(others.Data) == 0 && !slices.ContainsFunc(secretKeys(secret), func(key string) bool {
		return !slices.Contains(made.Data, key)
	})
}

func secretKeys(secret *corev1.Secret) []string {
	keys := make([]string, 0, len(secret.Data))
	for key := range secret.Data {
		keys = append(keys, key)
	}
	return keys
}

// maxFieldManager is how long External Secrets Operator's names in managedFields are, in bytes.
const maxFieldManager = 63

// fieldManager is External Secrets Operator's name in managedFields of the Secret of an object.
func fieldManager(object string) string {
	if name := v1.FieldManagerPrefix + object; len(name) <= maxFieldManager {
		return name
	}
	sum := sha3.Sum224([]byte(object))
	return v1.FieldManagerPrefix + "sha3/" + hex.EncodeToString(sum[:])
}

// Finish removes External Secrets Operator's finalizer from an object: it would keep the object for ever once nothing serves it any more.
// What the finalizer is for, the deletion of the Secret, an owner reference does.
func (t *takeover) Finish(ctx context.Context, object controller.Object) error {
	return dialect.RemoveFinalizer(ctx, t.client, object, v1.Finalizer)
}
