package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/owner"
)

// Owner is the object behind a Secret.
type Owner struct {
	Kind            schema.GroupVersionKind
	Namespace, Name string
	UID             types.UID
	DeletionPolicy  plan.DeletionPolicy
	Words           *plan.Words
}

// owns reports whether a Secret is the object's. Ownership is the controller reference, or under deletionPolicy
// Retain, where a reference would have the Secret collected, an annotation.
func (o Owner) owns(secret *corev1.Secret) bool {
	return owner.Of(secret).UID() == o.UID
}

// refuses returns why a Secret may not be written; empty: it may.
func (r Request) refuses(ctx context.Context, secret *corev1.Secret) (problem string, err error) {
	ref := owner.Of(secret).Controller
	switch {
	case r.Owner.owns(secret):
		return "", nil
	case r.Sharing != plan.Exclusive && !r.takes:
		return r.refusesToShare(ctx, secret)
	case ref != nil:
		return fmt.Sprintf("Secret %s exists and is owned by %s %s (uid %s): it is left alone; delete it or %s",
			secret.Name, ref.Kind, ref.Name, ref.UID, r.Owner.Words.Rename), nil
	}
	return r.adopts(ctx, secret)
}

// adopts returns why a Secret that no controller owns may not be taken over, or shared; empty: it may.
func (r Request) adopts(ctx context.Context, secret *corev1.Secret) (problem string, err error) {
	if r.Adopt == nil {
		return r.Owner.notOwnedMessage(secret), nil
	}
	permitted, problem, err := r.Adopt(ctx, secret)
	if !permitted && problem == "" {
		problem = r.Owner.notOwnedMessage(secret)
	}
	return problem, err
}

// notOwnedMessage says that a Secret without a controller was not made for the object.
func (o Owner) notOwnedMessage(secret *corev1.Secret) string {
	if owner.Of(secret).Retained != "" {
		return fmt.Sprintf("Secret %s exists and belonged to %s of the same name that is gone (deletionPolicy Retain): %s",
			secret.Name, o.Words.A(), o.Words.Adopt)
	}
	return fmt.Sprintf("Secret %s exists and was not made for this %s: it is left alone; %s", secret.Name, o.Kind.Kind, o.Words.Adopt)
}

// desired is the Secret as it should be.
func (r Request) desired(current *corev1.Secret) *corev1.Secret {
	desired := merge
	if r.Sharing != plan.Exclusive {
		desired = share
	}
	s := desired(current, r)
	r.count(current, s)
	return s
}

// merge is the Secret as it should be where it is ours as a whole: our content whole, foreign labels and annotations kept, and
// labels and annotations that an earlier template set and this one does not, gone.
func merge(current *corev1.Secret, r Request) *corev1.Secret {
	s := current.DeepCopy()
	managed := owner.FieldsOf(current.ManagedFields, names.FieldManager)
	s.Labels = overlay(s.Labels, managed.Labels, r.Content.Labels)
	s.Labels[names.LabelManaged] = "true"
	s.Annotations = overlay(s.Annotations, managed.Annotations, r.Content.Annotations)
	r.remove(s)
	if last, stamped := current.Annotations[r.Stamp.Annotation]; stamped {
		s.Annotations[r.Stamp.Annotation] = last
	}
	r.Owner.own(s)
	s.StringData = nil
	if r.Final && isTrue(current.Immutable) {
		return s
	}
	s.Type = corev1.SecretType(r.Content.Type)
	if s.Immutable = r.Content.Immutable; r.Fixed && isTrue(current.Immutable) {
		s.Immutable = current.Immutable // which only another Secret could be without
	}
	s.Data = r.Content.Data
	return s
}

// own makes a Secret the owner's.
func (o Owner) own(s *corev1.Secret) {
	s.OwnerReferences = withoutOwner(s.OwnerReferences, o.UID)
	delete(s.Annotations, names.AnnotationOwnerUID)
	if o.DeletionPolicy == plan.DeletionRetain {
		s.Annotations[names.AnnotationOwnerUID] = string(o.UID)
		return
	}
	controller := true
	s.OwnerReferences = append(s.OwnerReferences, metav1.OwnerReference{
		APIVersion: o.Kind.GroupVersion().String(), Kind: o.Kind.Kind, Name: o.Name, UID: o.UID, Controller: &controller,
	})
}

func withoutOwner(references []metav1.OwnerReference, uid types.UID) []metav1.OwnerReference {
	return slices.DeleteFunc(references, func(reference metav1.OwnerReference) bool { return reference.UID == uid })
}

// remove takes from a Secret the labels and annotations that it must not have, though another client set them.
func (r Request) remove(s *corev1.Secret) {
	for _, key := range r.Removed {
		delete(s.Labels, key)
		delete(s.Annotations, key)
	}
}

// contested reports whether another client has set what was Removed from a Secret that is ours as a whole, after we had written it: it
// writes the Secret, too.
func (r Request) contested(current *corev1.Secret) bool {
	return !r.TakesOver && r.Sharing == plan.Exclusive && owner.FieldsOf(current.ManagedFields, names.FieldManager).Any &&
		slices.ContainsFunc(r.Removed, func(key string) bool {
			_, labelled := current.Labels[key]
			_, annotated := current.Annotations[key]
			return labelled || annotated
		})
}

// overlay puts ours over current, without the keys that we managed before.
func overlay[V any](current map[string]V, managed []string, ours map[string]V) map[string]V {
	result := maps.Clone(current)
	if result == nil {
		result = map[string]V{}
	}
	for _, key := range managed {
		delete(result, key)
	}
	maps.Copy(result, ours)
	return result
}

// foreign are the labels and annotations that others set.
func foreign(secret *corev1.Secret) (labels, annotations map[string]string) {
	ours := owner.FieldsOf(secret.ManagedFields, names.FieldManager)
	labels = overlay(secret.Labels, append(ours.Labels, names.LabelManaged), nil)
	annotations = overlay(secret.Annotations, append(ours.Annotations, names.AnnotationOwnerUID, names.AnnotationDataRevision), nil)
	return labels, annotations
}

// without is all but the entries that are among the others with the same value.
func without(all, others map[string]string) map[string]string {
	rest := maps.Clone(all)
	maps.DeleteFunc(rest, func(key, value string) bool {
		other, ok := others[key]
		return ok && other == value
	})
	return rest
}

// same reports whether a write would change nothing.
func same(current, desired *corev1.Secret) bool {
	return current.Type == desired.Type &&
		isTrue(current.Immutable) == isTrue(desired.Immutable) &&
		equality.Semantic.DeepEqual(current.Data, desired.Data) &&
		equality.Semantic.DeepEqual(current.Labels, desired.Labels) &&
		equality.Semantic.DeepEqual(current.Annotations, desired.Annotations) &&
		sameOwners(current.OwnerReferences, desired.OwnerReferences)
}

func sameOwners(a, b []metav1.OwnerReference) bool {
	byUID := func(x, y metav1.OwnerReference) int { return strings.Compare(string(x.UID), string(y.UID)) }
	return equality.Semantic.DeepEqual(slices.SortedFunc(slices.Values(a), byUID), slices.SortedFunc(slices.Values(b), byUID))
}

// inPlace reports whether an update can do it: the API server lets neither the type change nor an
// immutable Secret's content.
func inPlace(current, desired *corev1.Secret) bool {
	if current.Type != desired.Type {
		return false
	}
	return !isTrue(current.Immutable) ||
		isTrue(desired.Immutable) && equality.Semantic.DeepEqual(current.Data, desired.Data)
}

func isTrue(b *bool) bool { return b != nil && *b }
