package controller

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/apply"
)

// Object is one that asks for a Secret.
type Object interface {
	client.Object
	SyncStatus() *apiv1.ExternalSecretStatus
}

// API is what is particular to one kind of objects. Everything else about them is in their Plans. Package kind has them all.
type API struct {
	Name   string            // of the controller, in logs and metrics
	New    func() Object     // an empty one
	List   client.ObjectList // an empty list; it is copied
	Plan   func(Object) (*plan.Plan, field.ErrorList)
	Serves func(Object) bool // whether this syncer does
	Advice apply.Advice
	// Rival says what to do where another controller serves the same objects.
	Rival string

	// ServesIn tells whether this syncer serves objects of a watched namespace; nil: it does.
	ServesIn func(namespace string) bool
	// MadeBy lists the cached objects whose Secret this is; nil: it is the one of the Secret's name.
	MadeBy func(ctx context.Context, secret types.NamespacedName) []types.NamespacedName
	// Adopt tells whether an object may take over a Secret that no controller owns, beside what AdoptExisting
	// permits, and may say why not; nil: never.
	Adopt func(ctx context.Context, object Object, secret *corev1.Secret) (permitted bool, problem string, err error)
	// Release lets go of an object that is being deleted, or whose Secret is in step; nil: nothing holds it.
	Release func(ctx context.Context, object Object) error
}

// copied is a deep copy, of the same type.
func copied(object Object) Object {
	c, _ := object.DeepCopyObject().(Object)
	return c
}
