package controller

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// write writes the Secret as rendered, and then removes the Secret that it replaces. overtaken: it has to be compared once more.
func (r *Reconciler) write(
	ctx context.Context, object Object, p *plan.Plan, content *render.Secret,
) (written apply.Result, overtaken bool, err error) {
	last := r.record(object)
	owner := apply.Owner{
		Kind: p.Kind, Namespace: p.Object.Namespace, Name: p.Object.Name, UID: p.UID,
		DeletionPolicy: p.Target.DeletionPolicy, Words: p.Words,
	}
	r.states.startWrite(p.Object.NamespacedName)
	written, err = r.Writer.Write(ctx, apply.Request{
		Owner: owner, Name: p.Target.Name, Content: content, Stamp: p.Template.Stamp,
		Expected: last.SecretResourceVersion != "",
		Adopt: func(ctx context.Context, secret *corev1.Secret) (bool, string, error) {
			return r.mayAdopt(ctx, object, p, secret)
		},
	})
	overtaken = r.states.endWrite(p.Object.NamespacedName, written.ResourceVersion)
	if err != nil {
		return written, overtaken, err
	}
	// The old Secret is removed last, so that workloads always have one. The status names the Secret that was last written.
	if last.Secret != "" && last.Secret != p.Target.Name {
		if _, err := r.Writer.Remove(ctx, owner, last.Secret, nil); err != nil {
			return written, overtaken, err
		}
	}
	err = r.finishTakeover(ctx, object)
	if apierrors.IsConflict(err) {
		return written, true, nil // the object is newer than the cache
	}
	return written, overtaken, err
}

func (r *Reconciler) finishTakeover(ctx context.Context, object Object) error {
	if r.Takeover == nil {
		return nil
	}
	return r.Takeover.Finish(ctx, object)
}
