package restart

import (
	"reflect"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/revision"
	"github.com/secretgate/secretgate/syncer/internal/restart/workload"
)

// read reads from an object of a dialect what it says of its Secret. uncounted: it has a Secret, and no place for the count of its changes.
func read(kind dialect.Kind, object dialect.Object, reloader bool) (says made, uncounted bool) {
	status := kind.Status(object)
	record := status.Record()
	says = made{
		source: revision.Source{Kind: revision.Secret, Name: secretOf(kind, object, record)},
		uid:    record.SecretUID, count: record.DataRevision,
		refreshing: refreshing(object, record),
		condition:  status.Condition(plan.ConditionRestartPending),
	}
	says.offer.Never = object.GetAnnotations()[names.AnnotationRestart] == "false"
	if restarter, ok := kind.(dialect.Restarter); ok {
		for _, target := range restarter.RestartTargets(object) {
			says.offer.Targets = append(says.offer.Targets, Key{Kind: target.Kind, Namespace: object.GetNamespace(), Name: target.Name})
		}
	}
	if reloader {
		// What a template writes out is known without the values, and without what the object refers to.
		p, _ := kind.Plan(object, dialect.Resolved{})
		says.offer = marked(says.offer, object.GetAnnotations())
		if p != nil {
			says.offer = marked(says.offer, p.Template.Annotations)
		}
	}
	return says, record.Ready == metav1.ConditionTrue && record.Reason == plan.ReasonSynced && record.DataRevision == 0
}

// Object is what the cache has of an object of a dialect: what it says of its Secret, in place of a spec that may be large.
type Object struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	says      made
	uncounted bool
}

// DeepCopyObject implements runtime.Object. What an object says is never changed.
func (o *Object) DeepCopyObject() runtime.Object {
	c := *o
	o.DeepCopyInto(&c.ObjectMeta)
	return &c
}

// Transform makes an Object of each object of these kinds, and strips all others. It is a cache's transform, for all that is in it: one of
// a kind by itself would need the kind to be there already.
func Transform(kinds []dialect.Kind, reloader bool) cache.TransformFunc {
	readers := map[reflect.Type]func(dialect.Object) *Object{}
	for _, kind := range kinds {
		of := kind.Type().GroupVersionKind
		readers[reflect.TypeOf(kind.New())] = func(o dialect.Object) *Object {
			read, uncounted := read(kind, o, reloader)
			read.reports = &of
			return &Object{
				ObjectMeta: metav1.ObjectMeta{
					Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(), ResourceVersion: o.GetResourceVersion(),
				},
				says: read, uncounted: uncounted,
			}
		}
	}
	return func(object any) (any, error) {
		if o, ok := object.(dialect.Object); ok && readers[reflect.TypeOf(object)] != nil {
			return readers[reflect.TypeOf(object)](o), nil
		}
		return Strip(object)
	}
}

// secretOf is the Secret that was last written, or will be.
func secretOf(kind dialect.Kind, object dialect.Object, record plan.Record) string {
	if record.Secret != "" {
		return record.Secret
	}
	if namer, ok := kind.(dialect.Namer); ok {
		if name := namer.Secret(object); name != "" {
			return name
		}
	}
	return object.GetName()
}

// refreshing reports whether the Secret of an object may change soon: its spec was edited and not synced yet, or it fails and is tried
// again. One that is suspended stays as it is.
func refreshing(object dialect.Object, record plan.Record) bool {
	if record.Ready == "" || record.Reason == plan.ReasonSuspended {
		return false
	}
	return record.Generation != object.GetGeneration() || record.Ready != metav1.ConditionTrue
}

// readConfigMap reads one that was stripped.
func readConfigMap(m *corev1.ConfigMap) made {
	says := made{source: revision.Source{Kind: revision.ConfigMap, Name: m.Name}, digest: m.Data[digestKey]}
	says.offer = marked(says.offer, m.Annotations)
	says.offer.Never = m.Annotations[names.AnnotationRestart] == "false"
	return says
}

// marked adds what Reloader's annotations of a Secret or ConfigMap say.
func marked(offer workload.Offer, annotations map[string]string) workload.Offer {
	offer.Match = offer.Match || annotations[workload.ReloaderMatch] == "true"
	offer.Ignore = offer.Ignore || annotations[workload.ReloaderIgnore] == "true"
	return offer
}
