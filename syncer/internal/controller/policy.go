package controller

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// admit reports whether an object may be read.
func (r *Reconciler) admit(ctx context.Context, p *plan.Plan) (outcome, bool) {
	if p.Suspend {
		return suspended(p), false
	}
	return r.checkPolicy(ctx, p)
}

// checkPolicy judges a plan by the annotations of its namespace. A namespace that cannot be read permits nothing.
func (r *Reconciler) checkPolicy(ctx context.Context, p *plan.Plan) (outcome, bool) {
	ns, err := r.namespace(ctx, p.Object.Namespace)
	if err != nil {
		return namespaceUnreadable(p.Object.String(), err), false
	}
	if violations := policy.Check(p, ns, r.Settings.Policy); len(violations) > 0 {
		return denied(p.Object.String(), violations), false
	}
	return outcome{}, true
}

// checkWalkedNames judges the names that walks along paths returned, before their values are used.
func (r *Reconciler) checkWalkedNames(ctx context.Context, p *plan.Plan, values render.Values) (outcome, bool) {
	ns, err := r.namespace(ctx, p.Object.Namespace)
	if err != nil {
		return namespaceUnreadable(p.Object.String(), err), false
	}
	var violations policy.Violations
	for _, e := range p.Entries {
		if !e.Source.Path {
			continue
		}
		found := make([]string, 0, len(values[e.Source]))
		for _, v := range values[e.Source] {
			found = append(found, v.Name)
		}
		violations = append(violations, policy.CheckWalked(e, found, ns, r.Settings.Policy)...)
	}
	if len(violations) > 0 {
		return denied(p.Object.String(), violations), false
	}
	return outcome{}, true
}

// walkPolicy is a hash of what the names that an object's walks return are judged by: the patterns of its namespace, and none of
// the annotations that other controllers write there.
func (r *Reconciler) walkPolicy(ctx context.Context, p *plan.Plan) uint64 {
	if !slices.ContainsFunc(p.Entries, func(e plan.Entry) bool { return e.Source.Path }) {
		return 0
	}
	ns, err := r.namespace(ctx, p.Object.Namespace)
	if err != nil {
		return 0 // checkPolicy reports that
	}
	sum := fnv.New64a()
	for _, annotation := range r.Settings.Policy.PatternAnnotations() {
		pattern, present := ns.Annotations[annotation]
		_, _ = fmt.Fprintf(sum, "%t %q ", present, pattern)
	}
	return sum.Sum64()
}

// mayAdopt reports whether an object may take over a Secret that no controller owns, or set entries of one that it did not make.
func (r *Reconciler) mayAdopt(
	ctx context.Context, object Object, p *plan.Plan, secret *corev1.Secret,
) (permitted bool, problem string, err error) {
	adopt, share := p.Target.Asks.Of(secret.Annotations)
	if p.Target.AdoptExisting || p.Target.Sharing != plan.Exclusive || adopt || share {
		ns, err := r.namespace(ctx, p.Object.Namespace)
		if err == nil && policy.AdoptPermitted(ns) {
			return true, "", nil
		}
	}
	if r.Takeover == nil || p.Target.Sharing != plan.Exclusive {
		return false, "", nil
	}
	return r.Takeover.Adopt(ctx, object, secret)
}

func (r *Reconciler) namespace(ctx context.Context, name string) (policy.Namespace, error) {
	return namespaceOf(ctx, r.Client, name)
}

func namespaceOf(ctx context.Context, from client.Reader, name string) (policy.Namespace, error) {
	ns := &metav1.PartialObjectMetadata{}
	ns.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	err := from.Get(ctx, types.NamespacedName{Name: name}, ns)
	return policy.Namespace{Name: name, Annotations: ns.Annotations, Labels: ns.Labels}, err
}
