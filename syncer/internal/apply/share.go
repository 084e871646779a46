package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/owner"
)

// A Secret may be shared: another client makes it, or one of several objects does, and each object sets entries of its own. Which these
// are is kept in managedFields, by a field manager for each object. An entry that had the very value already when it was to be set is not
// recorded there, so that it stays when its object no longer has it.

// manager names the syncer in managedFields, for all Secrets that their objects make as a whole, or for one object in those that it shares.
func (r Request) manager() string {
	if r.Sharing == plan.Exclusive {
		return names.FieldManager
	}
	return names.FieldManager + "/" + string(r.Owner.UID)
}

// asked is the request as the annotations of a Secret that exists ask for it.
func (r Request) asked(current *corev1.Secret) Request {
	if adopt, share := r.Asks.Of(current.Annotations); share {
		r.Sharing, r.keeps, r.takes = plan.Merge, !adopt, adopt
	}
	return r
}

// creates reports whether the Secret is created where it does not exist. A shared one is not made without an entry.
func (r Request) creates() bool {
	return r.Sharing == plan.Exclusive || r.Sharing == plan.CreateOrMerge && len(r.Content.Data) > 0
}

// refusesToShare returns why entries may not be set in a Secret that is not the owner's; empty: they may. That another object makes the
// whole of it is seen by its owner, or by our field manager. The object itself made one whose type its field manager set.
func (r Request) refusesToShare(ctx context.Context, secret *corev1.Secret) (problem string, err error) {
	of := owner.Of(secret)
	whole := of.Controller == nil && of.Retained != "" || len(owner.FieldsOf(secret.ManagedFields, names.FieldManager).Data) > 0
	if of.Controller != nil {
		whole = whole || schema.FromAPIVersionAndKind(of.Controller.APIVersion, of.Controller.Kind).GroupKind() == r.Owner.Kind.GroupKind()
	}
	switch {
	case whole:
		return fmt.Sprintf("Secret %s is made as a whole for another object (uid %s), which would remove the entries of this one: name another",
			secret.Name, of.UID()), nil
	case owner.FieldsOf(secret.ManagedFields, r.manager()).Type:
		return "", nil
	}
	return r.adopts(ctx, secret)
}

// share is a shared Secret as it should be: our entries set, those that we set before and have no longer gone, and all else as it is,
// labels and annotations of other clients included. What must not be there is removed once, when the Secret is first shared, or its object
// taken over again: another client may share it by the same means.
func share(current *corev1.Secret, r Request) *corev1.Secret {
	s := current.DeepCopy()
	ours := owner.FieldsOf(current.ManagedFields, r.manager())
	if !ours.Any || r.TakesOver {
		r.remove(s)
	}
	if r.Owner.owns(current) { // it was made as a whole before
		ours = owner.FieldsOf(current.ManagedFields, r.manager(), names.FieldManager)
	}
	labels, annotations := r.Content.Labels, r.Content.Annotations
	if asks := r.keeps || r.takes; !asks {
		labels, annotations = unlessForeign(labels, s.Labels, ours.Labels), unlessForeign(annotations, s.Annotations, ours.Annotations)
	}
	s.Labels = overlay(s.Labels, ours.Labels, labels)
	s.Labels[names.LabelManaged] = "true"
	s.Annotations = overlay(s.Annotations, ours.Annotations, annotations)
	switch {
	case r.takes:
		r.Owner.own(s)
	case !r.keeps:
		disown(s, r.Owner.UID)
	case current.Annotations[names.AnnotationOwnerUID] != "": // set by the field manager whose annotations have just gone
		s.Annotations[names.AnnotationOwnerUID] = current.Annotations[names.AnnotationOwnerUID]
	}
	s.Data = overlay(s.Data, ours.Data, r.Content.Data)
	s.StringData = nil
	if current.ResourceVersion == "" {
		s.Type, s.Immutable = corev1.SecretType(r.Content.Type), r.Content.Immutable
	}
	return s
}

// disown ends the ownership of an object.
func disown(s *corev1.Secret, uid types.UID) {
	if s.Annotations[names.AnnotationOwnerUID] == string(uid) {
		delete(s.Annotations, names.AnnotationOwnerUID)
	}
	s.OwnerReferences = withoutOwner(s.OwnerReferences, uid)
}

// unlessForeign leaves of our labels or annotations those that no other client has set.
func unlessForeign(ours, current map[string]string, managed []string) map[string]string {
	left := maps.Clone(ours)
	maps.DeleteFunc(left, func(key, _ string) bool {
		_, set := current[key]
		return set && !slices.Contains(managed, key)
	})
	return left
}
