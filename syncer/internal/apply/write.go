// Package apply writes Secrets: whole, only ones that their object owns, and never in a way
// that leaves less than the last good content behind.
package apply

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// Writer writes Secrets. Server-side apply is not used: it keeps keys that a render dropped, merges
// into Secrets of others, and lets a paused replica overwrite newer values.
type Writer struct {
	// Client must read Secrets live, not from a cache: the syncer caches no Secret data.
	Client client.Client
	Known  *Known           // nil: nothing is known of Secrets that are not read
	Now    func() time.Time // nil: time.Now
}

// attempts of a write that conflicts with those of another client.
const attempts = 3

// Request is a Secret to write.
type Request struct {
	Owner   Owner
	Name    string // of the Secret, in its owner's namespace
	Content *render.Secret
	Stamp   plan.Stamp
	// Sharing: the Secret is not the owner's as a whole, but for Exclusive.
	Sharing plan.Sharing
	// Asks are annotations by which the Secret that exists asks to be adopted, or shared.
	Asks plan.Asks
	// Final: the data of a Secret that is immutable stays as it is.
	Final bool
	// Fixed: a Secret that is immutable is not made anew.
	Fixed bool
	// Removed are labels and annotations that the Secret must not have.
	Removed []string
	// TakesOver says that another client may have served the object until now: what is Removed is of that time.
	TakesOver bool
	// Revision is the count of changes that the status knows: that of the Secret is never less.
	Revision int64
	// Expected says that the Secret was written before, so that it is read first; else it is created
	// first, which saves a request for new objects.
	Expected bool
	// Cached is the Secret's resourceVersion in the cache, which every change reaches; empty: not known. A Secret that is Known by the
	// same one is not read.
	Cached string
	// Adopt reports whether a Secret that no controller owns may be taken over, or shared if another client made it, and may say why not.
	// Nil: none may.
	Adopt func(ctx context.Context, secret *corev1.Secret) (permitted bool, problem string, err error)

	// keeps: the Secret is shared, and who owns it stays. takes: it is shared, and becomes the owner's.
	keeps, takes bool
}

// Result says what was done.
type Result struct {
	Secret          string // its name
	ResourceVersion string // of the Secret as it now is
	UID             string // of the same
	Revision        int64  // of its data
	Changed         bool
	Created         bool // it did not exist
	// Contested: the Secret was written before, and another client has set what is Removed from it since.
	Contested bool
}

// NotOwnedError says that a Secret must not be written, and who owns it.
type NotOwnedError struct{ Problem string }

func (e *NotOwnedError) Error() string { return e.Problem }

// MissingError says that a Secret does not exist which another client is to make.
type MissingError struct{ Secret string }

func (e *MissingError) Error() string { return "secret " + e.Secret + " does not exist" }

// UnreadableError says that the API server did not show a Secret.
type UnreadableError struct{ error }

func (e *UnreadableError) Unwrap() error { return e.error }

// Write makes the Secret as requested. On an error the Secret is unchanged, or was restored: that happens if the API server refuses
// to re-create it for a change of type, although its dry run succeeded.
func (w *Writer) Write(ctx context.Context, r Request) (result Result, err error) {
	for range attempts {
		result, err = w.attempt(ctx, r)
		if !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) && !apierrors.IsNotFound(err) {
			break
		}
		r.Expected = true // another client was faster: read what it wrote, or find that the Secret is gone
	}
	return result, err
}

func (w *Writer) attempt(ctx context.Context, r Request) (Result, error) {
	if !r.Expected && r.creates() {
		result, err := w.create(ctx, r)
		if !apierrors.IsAlreadyExists(err) {
			return result, err
		}
	}
	if result, same := w.Known.unchanged(r); same {
		return result, nil
	}
	current := &corev1.Secret{}
	err := w.Client.Get(ctx, client.ObjectKey{Namespace: r.Owner.Namespace, Name: r.Name}, current)
	switch {
	case apierrors.IsNotFound(err) && r.creates():
		return w.create(ctx, r)
	case apierrors.IsNotFound(err) && r.Sharing == plan.Merge:
		return Result{}, &MissingError{r.Name}
	case apierrors.IsNotFound(err):
		return Result{Secret: r.Name}, nil // there is nothing to set
	case err != nil:
		return Result{}, &UnreadableError{err}
	}
	r = r.asked(current)
	if problem, err := r.refuses(ctx, current); err != nil {
		return Result{}, err
	} else if problem != "" {
		return Result{}, &NotOwnedError{problem}
	}
	return w.update(ctx, current, r)
}

// update makes a Secret that exists as requested.
func (w *Writer) update(ctx context.Context, current *corev1.Secret, r Request) (Result, error) {
	desired := r.desired(current)
	result := Result{
		Secret: r.Name, ResourceVersion: current.ResourceVersion, UID: string(current.UID), Revision: revisionOf(desired),
		Contested: r.contested(current),
	}
	if same(current, desired) {
		return result, nil
	}
	w.stamp(desired, r.Stamp)
	var err error
	switch {
	case inPlace(current, desired):
		err = w.Client.Update(ctx, desired, client.FieldOwner(r.manager()))
	case r.Fixed && isTrue(current.Immutable):
		err = fmt.Errorf("cannot update secret %s: the target Secret is immutable: delete it, and it is made anew", r.Name)
	case r.Sharing != plan.Exclusive:
		err = fmt.Errorf("secret %s is immutable, so that no entry of another object can be set in it: have it made without immutable", r.Name)
	default:
		kept := current.DeepCopy()
		r.remove(kept) // so that it is not restored
		err = w.replace(ctx, kept, desired)
	}
	result.ResourceVersion, result.UID, result.Changed = desired.ResourceVersion, string(desired.UID), err == nil
	return result, err
}

func (w *Writer) create(ctx context.Context, r Request) (Result, error) {
	secret := r.desired(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: r.Owner.Namespace, Name: r.Name}})
	w.stamp(secret, r.Stamp)
	err := w.Client.Create(ctx, secret, client.FieldOwner(r.manager()))
	return Result{
		Secret: r.Name, ResourceVersion: secret.ResourceVersion, UID: string(secret.UID), Revision: revisionOf(secret),
		Changed: err == nil, Created: err == nil,
	}, err
}

// stamp records the time at which the content of a Secret changes.
func (w *Writer) stamp(secret *corev1.Secret, stamp plan.Stamp) {
	now := time.Now
	if w.Now != nil {
		now = w.Now
	}
	if stamp.Annotation != "" {
		secret.Annotations[stamp.Annotation] = now().UTC().Format(stamp.Format)
	}
}

// replace makes the changes that no update can: of the type, and of an immutable Secret. A dry run under another name comes first, so
// that the old Secret is deleted only if the API server accepts the new one.
func (w *Writer) replace(ctx context.Context, current, desired *corev1.Secret) error {
	if len(current.Finalizers) > 0 {
		return fmt.Errorf("secret %s must be re-created, but has finalizers %v: remove them", current.Name, current.Finalizers)
	}
	trial := fresh(desired)
	trial.Name = "secretgate-trial-" + string(current.UID)
	if err := w.Client.Create(ctx, trial, client.DryRunAll, client.FieldOwner(names.FieldManager)); err != nil {
		return err
	}
	if err := w.Client.Delete(ctx, current, client.Preconditions{UID: &current.UID, ResourceVersion: &current.ResourceVersion}); err != nil {
		return err
	}
	// From here on only this process has the values, so stopping the syncer must not interrupt it.
	ctx = context.WithoutCancel(ctx)
	created, err := w.recreate(ctx, desired, current)
	if apierrors.IsAlreadyExists(err) {
		return err // another client was faster: the next attempt reads what it wrote
	}
	if err != nil {
		if restored, restoreErr := w.recreate(ctx, current, current); restoreErr != nil {
			return fmt.Errorf("re-creating secret %s: %w; restoring it: %w", current.Name, err, restoreErr)
		} else if restoreErr := w.restoreForeign(ctx, restored, current); restoreErr != nil {
			return fmt.Errorf("re-creating secret %s: %w; restoring it: %w", current.Name, err, restoreErr)
		}
		return err
	}
	err = w.restoreForeign(ctx, created, current)
	created.DeepCopyInto(desired)
	return err
}

// recreate creates a Secret without the labels and annotations that other clients had set on the previous one: created by us, they
// would count as ours, and the next write would remove them.
func (w *Writer) recreate(ctx context.Context, secret, previous *corev1.Secret) (*corev1.Secret, error) {
	var created *corev1.Secret
	err := retry(ctx, func(ctx context.Context) error {
		created = fresh(secret)
		labels, annotations := foreign(previous)
		created.Labels, created.Annotations = without(created.Labels, labels), without(created.Annotations, annotations)
		return w.Client.Create(ctx, created, client.FieldOwner(names.FieldManager))
	})
	return created, err
}

// restoreForeign restores the labels and annotations of other clients on a Secret that was created again, under a field manager of
// its own.
func (w *Writer) restoreForeign(ctx context.Context, created, previous *corev1.Secret) error {
	labels, annotations := foreign(previous)
	if len(labels)+len(annotations) == 0 {
		return nil
	}
	err := retry(ctx, func(ctx context.Context) error {
		if err := w.Client.Get(ctx, client.ObjectKeyFromObject(previous), created); err != nil {
			return err
		}
		created.Labels, created.Annotations = overlay(labels, nil, created.Labels), overlay(annotations, nil, created.Annotations)
		return w.Client.Update(ctx, created, client.FieldOwner(restorer))
	})
	if err != nil {
		return fmt.Errorf("secret %s was re-created, but labels and annotations of other clients could not be restored: %w", previous.Name, err)
	}
	return nil
}

// restorer is the field manager of restored labels and annotations.
const restorer = names.FieldManager + "-restorer"

// retry tries for about three seconds, or ten where there is no answer, and returns the last error. AlreadyExists is not retried.
func retry(ctx context.Context, try func(ctx context.Context) error) (last error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second) // for each step by itself
	defer cancel()
	backoff := wait.Backoff{Duration: 100 * time.Millisecond, Factor: 2, Steps: 6}
	err := wait.ExponentialBackoffWithContext(ctx, backoff, func(ctx context.Context) (bool, error) {
		last = try(ctx)
		return last == nil || apierrors.IsAlreadyExists(last), nil
	})
	if last == nil {
		return err // ctx ended before the first try
	}
	return last
}

// fresh is a copy without what the API server assigns.
func fresh(secret *corev1.Secret) *corev1.Secret {
	c := secret.DeepCopy()
	c.ObjectMeta = metav1.ObjectMeta{
		Namespace: c.Namespace, Name: c.Name,
		Labels: c.Labels, Annotations: c.Annotations, OwnerReferences: c.OwnerReferences,
	}
	return c
}
