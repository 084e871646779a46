package controller

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/all"
	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/shared/syncstatus"
)

// Looking into these namespaces would need a client, and there is none.
func TestNamespacesThatAreNotServedAreNotLookedInto(t *testing.T) {
	for _, tc := range []struct {
		name     string
		watched  []string
		servesIn func(string) bool
		served   bool
	}{
		{"all namespaces are watched", nil, nil, true},
		{"it is one of those that are watched", []string{"core", "other"}, nil, true},
		{"it is none of those that are watched", []string{"other"}, nil, false},
		{"the kind is served in some", nil, func(namespace string) bool { return namespace == "core" }, true},
		{"the kind is not served in it", []string{"core"}, func(namespace string) bool { return namespace != "core" }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &Reconciler{Kind: everything(), Settings: Settings{Namespaces: tc.watched}}
			if tc.servesIn != nil {
				r.Kind = narrow{Kind: r.Kind, servesIn: tc.servesIn}
			}
			secret := types.NamespacedName{Namespace: "core", Name: "db"}
			if got := r.madeBy(t.Context(), secret); slices.Contains(got, secret) != tc.served {
				t.Errorf("a Secret was made by %v", got)
			}
			if tc.served {
				return
			}
			if got := r.objectsOf(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "core"}}); len(got) > 0 {
				t.Errorf("there are objects: %v", got)
			}
		})
	}
}

func TestOverwritten(t *testing.T) {
	of := func(uid types.UID, conditions ...metav1.Condition) *apiv1.ExternalSecret {
		return &apiv1.ExternalSecret{ObjectMeta: metav1.ObjectMeta{UID: uid}, Status: syncstatus.Status{Status: "SUCCESS", Conditions: conditions}}
	}
	ready := metav1.Condition{Type: plan.ConditionReady, Status: metav1.ConditionTrue}
	for _, tc := range []struct {
		name          string
		before, after *apiv1.ExternalSecret
		want          bool
	}{
		{"we take over", of("1"), of("1", ready), false},
		{"we write again", of("1", ready), of("1", ready), false},
		{"kubernetes-external-secrets writes again", of("1"), of("1"), false},
		{"it writes after us", of("1", ready), of("1"), true},
		{"the object was made anew", of("1", ready), of("2"), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &Reconciler{Kind: everything()}
			if got := r.overwritten(t.Context(), tc.before, tc.after); got != tc.want {
				t.Errorf("overwritten: %t", got)
			}
		})
	}
}

func TestEdited(t *testing.T) {
	of := func(uid types.UID, generation int64, force string) *apiv1.ExternalSecret {
		es := &apiv1.ExternalSecret{ObjectMeta: metav1.ObjectMeta{UID: uid, Generation: generation}}
		if force != "" {
			es.Annotations = map[string]string{names.AnnotationForceSync: force}
		}
		return es
	}
	for _, tc := range []struct {
		name          string
		before, after *apiv1.ExternalSecret
		want          bool
	}{
		{"its status was written", of("1", 1, "x"), of("1", 1, "x"), false},
		{"its spec changed", of("1", 1, ""), of("1", 2, ""), true},
		{"a refresh is asked for", of("1", 1, "x"), of("1", 1, "y"), true},
		{"the annotation went", of("1", 1, "x"), of("1", 1, ""), false},
		{"the object was made anew while the watch was down", of("1", 1, ""), of("2", 1, ""), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := (&Reconciler{Kind: everything()}).edited(tc.before, tc.after); got != tc.want {
				t.Errorf("edited: %t", got)
			}
		})
	}
}

// A status that is kubernetes-external-secrets' is nothing to warn of where the object is its own, as when some objects move first.
func TestOnlyOfItsOwnObjectsASyncerRepairsTheStatus(t *testing.T) {
	for _, tc := range []struct {
		name                    string
		served, owned, deleting bool
		repaired                bool
	}{
		{"an object that it serves", true, true, false, true},
		{"an object of another controllerId", false, true, false, false},
		{"an object of another replica", true, false, false, false},
		{"an object that is being deleted", true, true, true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			recorder := events.NewFakeRecorder(2)
			r := &Reconciler{
				Kind: served{Kind: everything(), served: tc.served}, Owns: func(types.UID) bool { return tc.owned }, Recorder: recorder,
			}
			q := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
			defer q.ShutDown()
			before := &apiv1.ExternalSecret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "db"}}
			if tc.deleting {
				before.DeletionTimestamp = &metav1.Time{}
			}
			after := before.DeepCopy()
			before.Status.Conditions = []metav1.Condition{{Type: plan.ConditionReady, Status: metav1.ConditionTrue}}
			r.changed().Update(t.Context(), event.UpdateEvent{ObjectOld: before, ObjectNew: after}, q)
			if repaired, warned := q.Len() == 1, len(recorder.Events) == 1; repaired != tc.repaired || warned != tc.repaired {
				t.Errorf("repaired: %t, warned: %t", repaired, warned)
			}
		})
	}
}

// The restarter writes a condition of its own into the status of objects: that is no matter of the syncer's.
func TestTheConditionOfTheRestarterWakesNoSyncer(t *testing.T) {
	for _, d := range all.Dialects() {
		installation := d.New()
		installation.Bind(settings.NewSection(d.Name, func(string) (string, bool) { return "", false }), dialect.Syncer)
		if err := installation.Finish(settings.Policy{}); err != nil {
			t.Fatal(err)
		}
		for _, kind := range installation.Kinds() {
			t.Run(kind.Type().Kind+"."+kind.Type().Group, func(t *testing.T) {
				before := kind.New()
				before.SetName("db")
				before.SetResourceVersion("7")
				kind.Status(before).Put(plan.Record{Generation: 1, Ready: metav1.ConditionTrue, Reason: plan.ReasonSynced, Secret: "db"})
				after := withCondition(t, kind.New(), before)
				if kind.Status(after).Condition(plan.ConditionRestartPending) == nil {
					t.Fatal("the object has no place for the condition")
				}
				q := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
				defer q.ShutDown()
				r := &Reconciler{Kind: kind, Recorder: events.NewFakeRecorder(1)}
				r.changed().Update(t.Context(), event.UpdateEvent{ObjectOld: before, ObjectNew: after}, q)
				if got := q.Len(); got != 0 || r.states.wait(types.NamespacedName{Name: "db"}, r.now()) != 0 {
					t.Errorf("got %d objects to look at, want none", got)
				}
			})
		}
	}
}

// withCondition is an object as it is once the restarter has applied its condition.
func withCondition(t *testing.T, empty, object Object) Object {
	t.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		t.Fatal(err)
	}
	conditions, _, err := unstructured.NestedSlice(content, "status", "conditions")
	if err != nil {
		t.Fatal(err)
	}
	conditions = append(conditions, map[string]any{
		"type": plan.ConditionRestartPending, "status": "True", "reason": "Paused", "message": "m", "lastTransitionTime": "2026-01-02T03:04:05Z",
	})
	err = errors.Join(unstructured.SetNestedSlice(content, conditions, "status", "conditions"), unstructured.SetNestedField(content, "8", "metadata", "resourceVersion"))
	raw, encodeErr := json.Marshal(content)
	if err := errors.Join(err, encodeErr, json.Unmarshal(raw, empty)); err != nil {
		t.Fatal(err)
	}
	return empty
}
