package controller

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// ownerOf is the object behind a Secret.
func ownerOf(p *plan.Plan) apply.Owner {
	return apply.Owner{
		Kind: p.Kind, Namespace: p.Object.Namespace, Name: p.Object.Name, UID: p.UID,
		DeletionPolicy: p.Target.DeletionPolicy, Words: p.Words,
	}
}

// write writes the Secret as rendered, or deletes it or leaves it alone where nothing is left to make it of.
func (r *Reconciler) write(
	ctx context.Context, object Object, p *plan.Plan, content *render.Secret, entries []plan.EntryRecord, absent []string,
) outcome {
	switch {
	case !content.Empty, p.Target.Sharing != plan.Exclusive:
	case p.Target.DeleteEmpty:
		removed, err := r.removeSecret(ctx, object, p)
		if err != nil {
			return unwritten(err, entries)
		}
		return deleted(removed, entries, absent)
	default:
		if _, err := r.finishTakeover(ctx, object); err != nil {
			return unwritten(err, entries)
		}
		return kept(r.record(object), entries, absent)
	}
	written, overtaken, err := r.writeSecret(ctx, object, p, content)
	if _, missing := errors.AsType[*apply.MissingError](err); missing {
		return r.refuse(p.Object, secretMissing(p))
	}
	if err != nil {
		return unwritten(err, entries)
	}
	if written.Contested {
		r.warnOfOtherController(ctx, object, "another controller writes Secret "+written.Secret)
	}
	return synced(written, entries, overtaken).lacking(absent)
}

// writeSecret writes the Secret as rendered, and then removes the Secret that it replaces. overtaken: it has to be compared once more.
func (r *Reconciler) writeSecret(
	ctx context.Context, object Object, p *plan.Plan, content *render.Secret,
) (written apply.Result, overtaken bool, err error) {
	last, owner := r.record(object), ownerOf(p)
	r.states.startWrite(p.Object.NamespacedName)
	written, err = r.Writer.Write(ctx, apply.Request{
		Owner: owner, Name: p.Target.Name, Content: content, Stamp: p.Template.Stamp,
		Sharing: p.Target.Sharing, Asks: p.Target.Asks, Final: p.Target.Final, Fixed: p.Target.Fixed, Removed: p.Template.Removed,
		Expected: last.SecretResourceVersion != "", Cached: r.cachedVersion(ctx, p), Revision: last.DataRevision, TakesOver: r.takesOver(object),
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
	newer, err := r.finishTakeover(ctx, object)
	return written, overtaken || newer, err
}

// removeSecret deletes the object's Secret, and one that it had before under another name. removed: there was one.
func (r *Reconciler) removeSecret(ctx context.Context, object Object, p *plan.Plan) (removed bool, err error) {
	names := []string{p.Target.Name}
	if last := r.record(object).Secret; last != "" && last != p.Target.Name {
		names = append(names, last)
	}
	r.states.startWrite(p.Object.NamespacedName)
	for _, name := range names {
		gone, failed := r.Writer.Remove(ctx, ownerOf(p), name, nil)
		removed, err = removed || gone, errors.Join(err, failed)
	}
	r.states.endWrite(p.Object.NamespacedName, "")
	if err != nil {
		return removed, err
	}
	r.states.forgetWrite(p.Object.NamespacedName)
	_, err = r.finishTakeover(ctx, object)
	return removed, err
}

// finishTakeover ends what takes over from the original controller: of an object that stays once in the life of this process. A controller
// that still runs may put back what was taken away, of objects that it does not serve, too: then neither would ever stop. newer: the object
// is newer than the cache.
func (r *Reconciler) finishTakeover(ctx context.Context, object Object) (newer bool, err error) {
	stays := object.GetDeletionTimestamp() == nil
	if r.Takeover == nil || stays && !r.takesOver(object) {
		return false, nil
	}
	switch err = r.Takeover.Finish(ctx, object); {
	case apierrors.IsConflict(err):
		return true, nil
	case err == nil && stays:
		r.states.takeOver(client.ObjectKeyFromObject(object), object.GetUID())
	}
	return false, err
}

// takesOver reports whether the takeover of an object has not ended yet.
func (r *Reconciler) takesOver(object Object) bool {
	return r.Takeover != nil && !r.states.isTakenOver(client.ObjectKeyFromObject(object), object.GetUID())
}
