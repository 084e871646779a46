package controller

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// A status that cannot be written must not set the bill.
func TestAStatusThatCannotBeWrittenIsTriedAgainAfterABackOff(t *testing.T) {
	refused := interceptor.Funcs{SubResourcePatch: func(
		context.Context, client.Client, string, client.Object, client.Patch, ...client.SubResourcePatchOption,
	) error {
		return errors.New("planted")
	}}
	inFakeTime(t, refused, func(w *world) {
		w.apply(t, "db", nil)
		w.pass(time.Minute)
		if reads := w.vault.reads.Load(); reads < 2 || reads > 8 {
			t.Errorf("within a minute the backend was read %d times", reads)
		}
	})
}

// The queue keeps the earlier one of two times for one object.
func TestARetryIsMadeInTimeThoughTheObjectIsLookedAtBefore(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) {
		w.Settings.RefreshInterval = time.Minute
		w.apply(t, "db", nil)
		w.pass(8 * time.Minute)
		w.states.setRetryAt(db, w.now().Add(lastBackoff))
		w.queue.AddAfter(reconcile.Request{NamespacedName: db}, lastBackoff) // the heartbeat comes before
		w.pass(lastBackoff + time.Second)
		if _, retryDue := w.states.lastAttempt(db, w.now()); retryDue {
			t.Error("the retry is still due")
		}
	})
}

// Others may watch Secrets, too, and be as fast.
func TestWhatAnotherClientChangesBeforeTheStatusIsWrittenIsRepaired(t *testing.T) {
	for _, tc := range []struct {
		name string
		on   int // which status write
	}{{"the Secret of a new object", 1}, {"one that was written again", 2}} {
		t.Run(tc.name, func(t *testing.T) {
			var w *world
			writes := 0
			inFakeTime(t, interceptor.Funcs{SubResourcePatch: func(
				ctx context.Context, c client.Client, sub string, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption,
			) error {
				writes++
				if writes == tc.on {
					w.change(ctx, t)
				}
				return c.SubResource(sub).Patch(ctx, object, patch, options...)
			}}, func(made *world) {
				w = made
				w.apply(t, "db", nil)
				w.pass(time.Minute)
				if tc.on > 1 {
					w.change(t.Context(), t)
				}
				w.pass(time.Minute)
				if value := w.secret(t).Data["a"]; string(value) != `{"a":"b"}` {
					t.Errorf("the Secret holds %s", value)
				}
			})
		})
	}
}

// A replica that was suspended may write what it read before. Its status may be seen before its Secret.
func TestWhatAnotherReplicaWritesLateIsRepairedThoughTheStatusKnowsOfIt(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) {
		w.apply(t, "db", nil)
		w.pass(time.Minute)
		secret := w.secret(t)
		secret.Data = map[string][]byte{"a": []byte("of yesterday")}
		if err := w.cluster.Update(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		es := w.object(t)
		es.Status.SecretResourceVersion = secret.ResourceVersion
		if err := w.cluster.Status().Update(t.Context(), es); err != nil {
			t.Fatal(err)
		}
		w.drift().Update(t.Context(), event.UpdateEvent{ObjectNew: secret}, w.queue)
		w.pass(time.Minute)
		if value := w.secret(t).Data["a"]; string(value) != `{"a":"b"}` {
			t.Errorf("the Secret holds %s", value)
		}
	})
}

// Of objects that come with the annotation, as from a backup, none was refreshed before.
func TestNewObjectsDoNotWaitThoughTheyCarryTheForceSyncAnnotation(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) {
		for i := range namespaceForceBurst {
			w.states.mayRead(types.NamespacedName{Namespace: db.Namespace, Name: fmt.Sprint("other-", i)}, true, w.now())
		}
		w.apply(t, "db", map[string]string{names.AnnotationForceSync: "before the backup"})
		w.pass(time.Second / 2)
		if status := w.object(t).Status; status.ObservedForceSync != "before the backup" {
			t.Errorf("its status says %+v", status)
		}
	})
}

// A status is written by name.
func TestTheStatusOfAnObjectIsNotThatOfTheNextOneOfItsName(t *testing.T) {
	var w *world
	inFakeTime(t, interceptor.Funcs{SubResourcePatch: func(
		ctx context.Context, c client.Client, sub string, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption,
	) error {
		if object.GetUID() == "first" {
			if err := w.cluster.Delete(ctx, object); err != nil {
				t.Error(err)
			}
			w.apply(t, "second", nil)
		}
		return c.SubResource(sub).Patch(ctx, object, patch, options...)
	}}, func(made *world) {
		w = made
		w.apply(t, "first", nil)
		w.pass(time.Second / 2)
		es := w.object(t)
		if c := meta.FindStatusCondition(es.Status.Conditions, plan.ConditionReady); c == nil || c.Reason != string(plan.ReasonSecretNotOwned) {
			t.Errorf("the second, whose Secret is still the first one's, says %+v", es.Status)
		}
	})
}

func TestAnObjectThatIsBeingDeletedIsNotMeasured(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) {
		w.apply(t, "db", nil)
		w.pass(time.Second)
		es := w.object(t)
		es.Finalizers = []string{"example.com/slow"}
		if err := errors.Join(w.cluster.Update(t.Context(), es), w.cluster.Delete(t.Context(), es)); err != nil {
			t.Fatal(err)
		}
		w.queue.Add(reconcile.Request{NamespacedName: db})
		w.pass(time.Second)
		series := make(chan prometheus.Metric, 100)
		w.measured.Collect(series)
		if len(series) > 0 {
			t.Errorf("there are %d series", len(series))
		}
	})
}

// Walks are read again where a namespace's policy changes. Dashboards and the like keep notes of their own in its annotations.
func TestOnlyPatternsOfTheNamespaceHavePathsWalkedAgain(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) {
		walk := &plan.Plan{Object: dbID, Entries: []plan.Entry{{Source: plan.Source{Read: plan.Read{Key: "/app", Path: true}}}}}
		stands := func(annotations map[string]string) uint64 {
			t.Helper()
			namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: db.Namespace, Annotations: annotations}}
			if err := w.cluster.Update(t.Context(), namespace); err != nil {
				t.Fatal(err)
			}
			return w.walkPolicy(t.Context(), walk)
		}
		none := stands(nil)
		if stands(map[string]string{"example.com/status": "seen at noon"}) != none {
			t.Error("an annotation that judges nothing counts")
		}
		for _, annotation := range []string{names.AnnotationPermittedKeyName, names.AnnotationPermittedRegion} {
			empty := stands(map[string]string{annotation: ""})
			if empty == none || stands(map[string]string{annotation: ".*"}) == empty {
				t.Errorf("%s does not count", annotation)
			}
		}
	})
}

// What an edit changes may need no read at all, but each would be billed.
func TestEditsDoNotSetTheBill(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) {
		w.apply(t, "db", nil)
		w.pass(time.Second)
		for i := range 667 {
			es := w.object(t)
			es.Generation++
			es.Spec.RefreshInterval = fmt.Sprint(600+i, "s")
			if err := w.cluster.Update(t.Context(), es); err != nil {
				t.Fatal(err)
			}
			w.queue.Add(reconcile.Request{NamespacedName: db})
			w.pass(30 * time.Millisecond)
		}
		if got, most := w.vault.reads.Load(), int64(readBurst+20/10+1); got > most {
			t.Errorf("got %d reads for 667 edits in 20 s, want %d at most", got, most)
		}
		w.pass(readEvery)
		if es := w.object(t); es.Status.ObservedGeneration != es.Generation {
			t.Errorf("got a status of generation %d, want that of the last edit, %d", es.Status.ObservedGeneration, es.Generation)
		}
	})
}

func TestAnObjectThatIsMadeAgainAndAgainDoesNotSetTheBill(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) {
		for i := range 100 {
			w.apply(t, types.UID(fmt.Sprint(i)), nil)
			w.pass(100 * time.Millisecond)
			if err := w.cluster.Delete(t.Context(), w.object(t)); err != nil {
				t.Fatal(err)
			}
			w.queue.Add(reconcile.Request{NamespacedName: db})
			w.pass(100 * time.Millisecond)
		}
		if got, most := w.vault.reads.Load(), int64(readBurst+20/10+1); got > most {
			t.Errorf("got %d reads for 100 objects of one name in 20 s, want %d at most", got, most)
		}
	})
}

// waiting is a kind whose objects refer to one that is not there, or is.
type waiting struct {
	dialect.Kind
	missing *bool
}

func (k waiting) Plan(object dialect.Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList) {
	if *k.missing {
		return nil, field.ErrorList{dialect.Missing(field.NewPath("spec"), dialect.Reference{Name: "store"})}
	}
	return k.Kind.Plan(object, resolved)
}

func TestAStoreThatComesAndGoesDoesNotSetTheBill(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) {
		missing := true
		w.Kind = waiting{w.Kind, &missing}
		w.apply(t, "db", nil)
		w.pass(time.Second)
		for range 100 {
			missing = !missing
			w.queue.Add(reconcile.Request{NamespacedName: db})
			w.pass(200 * time.Millisecond)
		}
		if got, most := w.vault.reads.Load(), int64(readBurst+20/10+1); got > most {
			t.Errorf("got %d reads for a store that was there 50 times in 20 s, want %d at most", got, most)
		}
		missing = false
		w.queue.Add(reconcile.Request{NamespacedName: db})
		w.pass(readEvery)
		if got := w.object(t).Status.Conditions[0].Reason; got != string(plan.ReasonSynced) {
			t.Errorf("got reason %s, want Synced", got)
		}
	})
}
