package controller

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// What an object reads may be missing though that is no failure, where it is Optional, and so may the Secret, where another client makes
// it.

// maxAbsent bounds how many entries a message names.
const maxAbsent = 10

// absentOf lists the entries whose sources the backend proves not to have.
func absentOf(p *plan.Plan, values render.Values) []string {
	var fields []string
	for i := range p.Entries {
		if e := &p.Entries[i]; e.Source.Optional && len(values[e.Source]) == 0 {
			fields = append(fields, e.Field)
		}
	}
	return fields
}

// named are the first of some fields.
func named(fields []string) string {
	text := strings.Join(fields[:min(len(fields), maxAbsent)], ", ")
	if more := len(fields) - maxAbsent; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// lacking is for an object that is in sync, though the backend does not have all that it reads.
func (o outcome) lacking(absent []string) outcome {
	if len(absent) > 0 {
		o.absent, o.message = true, shorten(fmt.Sprintf("the backend has nothing to read for %s: the Secret is made without it", named(absent)))
	}
	return o
}

// kept is for an object of which the backend has nothing any more, and whose Secret is not to be deleted for that. An empty one is of no
// use to its users.
func kept(last plan.Record, entries []plan.EntryRecord, absent []string) outcome {
	return outcome{
		reason: plan.ReasonSynced, entries: entries, absent: true,
		result: apply.Result{
			Secret: last.Secret, ResourceVersion: last.SecretResourceVersion, UID: last.SecretUID, Revision: last.DataRevision,
		},
		message: shorten(fmt.Sprintf("the backend has nothing to read for %s, which is all that there is: nothing is written, "+
			"and a Secret that exists stays as it is", named(absent))),
	}
}

// deleted is for an object of which the backend has nothing any more, so that it has no Secret.
func deleted(removed bool, entries []plan.EntryRecord, absent []string) outcome {
	return outcome{
		reason: plan.ReasonSecretDeleted, entries: entries, removed: removed, absent: true,
		message: shorten(fmt.Sprintf("the backend has nothing to read for %s, which is all that there is: the Secret is deleted", named(absent))),
	}
}

// secretMissing is for an object that sets entries of a Secret which does not exist.
func secretMissing(p *plan.Plan) outcome {
	return outcome{reason: plan.ReasonSecretMissing, retry: true, message: fmt.Sprintf(
		"Secret %s does not exist, and is not made, since %s is %s: it is looked for each minute, and completed once another client has made it",
		p.Target.Name, p.Words.Sharing, p.Target.Sharing)}
}

// awaitsSecret reports whether an object need not be read, since the Secret that it is to complete does not exist. A Secret without our
// label is not watched, so that no event says when it comes.
func (r *Reconciler) awaitsSecret(ctx context.Context, p *plan.Plan) bool {
	return p.Target.Sharing == plan.Merge && !r.secretExists(ctx, p)
}

// secretExists reports whether the Secret exists, as far as that can be known: the cache has those with our label alone.
func (r *Reconciler) secretExists(ctx context.Context, p *plan.Plan) bool {
	if r.Settings.WatchSecrets {
		if _, err := r.secretVersion(ctx, r.Cache, p); err == nil {
			return true
		}
	}
	_, err := r.secretVersion(ctx, r.Live, p)
	return client.IgnoreNotFound(err) != nil || err == nil
}

// secretVersion is the resourceVersion of the Secret.
func (r *Reconciler) secretVersion(ctx context.Context, from client.Reader, p *plan.Plan) (string, error) {
	secret := &metav1.PartialObjectMetadata{}
	secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	err := from.Get(ctx, types.NamespacedName{Namespace: p.Object.Namespace, Name: p.Target.Name}, secret)
	return secret.ResourceVersion, err
}

// cachedVersion is the resourceVersion of the Secret in the cache; empty: it is not there, or Secrets are not watched.
func (r *Reconciler) cachedVersion(ctx context.Context, p *plan.Plan) string {
	if !r.Settings.WatchSecrets {
		return ""
	}
	version, err := r.secretVersion(ctx, r.Cache, p)
	if err != nil {
		return ""
	}
	return version
}
