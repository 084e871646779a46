package controller

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
)

// Object is an object of the cluster that a Secret is made for.
type Object = dialect.Object

// Takeover takes over what the original controller of a dialect left behind.
type Takeover interface {
	// Adopt reports whether an object may take over a Secret that no controller owns, beside what AdoptExisting
	// permits, and may say why not.
	Adopt(ctx context.Context, object Object, secret *corev1.Secret) (permitted bool, problem string, err error)
	// Finish ends the takeover of an object that is being deleted, or has its Secret in sync. Of one that is in sync it succeeds once.
	Finish(ctx context.Context, object Object) error
}

// copied is a deep copy, of the same type.
func copied(object Object) Object {
	c, _ := object.DeepCopyObject().(Object)
	return c
}

// record is the state of an object's last sync: what its status says, and what was written there without a place for it.
func (r *Reconciler) record(object Object) plan.Record {
	return r.states.whole(object, r.status(object))
}

// status is what an object's status says.
func (r *Reconciler) status(object Object) plan.Record { return r.Kind.Status(object).Record() }

// id names an object of the Reconciler's kind.
func (r *Reconciler) id(name types.NamespacedName) plan.ID {
	return plan.ID{Kind: r.Kind.Type().GroupKind(), NamespacedName: name}
}

// The indexes of cached objects.
const (
	indexSecret    = "secretgate.io/secret"    // by the Secret that they name
	indexReference = "secretgate.io/reference" // by the objects that they refer to
)

// Index makes the cache's indexes of the objects of a kind, by what they name.
func Index(ctx context.Context, indexer client.FieldIndexer, kind dialect.Kind, stores []dialect.StoreKind) error {
	if namer, ok := kind.(dialect.Namer); ok {
		err := indexer.IndexField(ctx, kind.New(), indexSecret, func(object client.Object) []string { return []string{namer.Secret(object)} })
		if err != nil {
			return err
		}
	}
	if len(stores) == 0 {
		return nil
	}
	return indexer.IndexField(ctx, kind.New(), indexReference, func(object client.Object) []string {
		var names []string
		for _, reference := range kind.References(object, nil) {
			names = append(names, reference.String())
		}
		return names
	})
}

// madeBy lists the objects of the kind that a Secret is made for.
func (r *Reconciler) madeBy(ctx context.Context, secret types.NamespacedName) []types.NamespacedName {
	if !r.servesIn(secret.Namespace) {
		return nil
	}
	if _, ok := r.Kind.(dialect.Namer); !ok {
		return []types.NamespacedName{secret}
	}
	return r.list(ctx, client.InNamespace(secret.Namespace), client.MatchingFields{indexSecret: secret.Name})
}

// list lists cached objects of the kind. Where it cannot, it logs that and returns none.
func (r *Reconciler) list(ctx context.Context, options ...client.ListOption) []types.NamespacedName {
	list := r.Kind.NewList()
	if err := r.Client.List(ctx, list, options...); err != nil {
		log.FromContext(ctx).Error(err, "Cannot list objects that may have to be synced", "kind", r.Kind.Type().Kind)
		return nil
	}
	return namesOf(list)
}
