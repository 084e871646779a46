package controller

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// altered is a kind with Plans that say more than its objects do.
type altered struct {
	dialect.Kind
	alter func(*plan.Plan)
}

func (a altered) Plan(object Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList) {
	p, errs := a.Kind.Plan(object, resolved)
	if p != nil {
		words := *p.Words
		words.Sharing = "spec.sharing"
		p.Words = &words
		a.alter(p)
	}
	return p, errs
}

// permit has the namespace permit that Secrets of others are taken over.
func (w *world) permit(t *testing.T) {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: db.Namespace, Annotations: map[string]string{names.AnnotationPermitAdopt: "true"}}}
	if err := w.cluster.Update(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
}

func (w *world) ready(t *testing.T) metav1.Condition {
	t.Helper()
	for _, c := range w.object(t).Status.Conditions {
		if c.Type == plan.ConditionReady {
			return c
		}
	}
	t.Fatal("got no condition Ready, want one")
	return metav1.Condition{}
}

// theirs is a Secret that another client makes, without our label.
func theirs() *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: db.Namespace, Name: db.Name}, Data: map[string][]byte{"user": []byte("admin")}}
}

func TestASecretThatAnotherClientIsToMakeIsCompletedOnceItIsThere(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) {
		w.Kind = altered{w.Kind, func(p *plan.Plan) { p.Target.Sharing = plan.Merge }}
		w.permit(t)
		w.apply(t, "db", nil)
		w.pass(10 * time.Minute)
		got := w.ready(t)
		want := "Secret db does not exist, and is not made, since spec.sharing is Merge: " +
			"it is looked for each minute, and completed once another client has made it"
		if got.Status != metav1.ConditionTrue || got.Reason != string(plan.ReasonSecretMissing) || got.Message != want {
			t.Errorf("got %s, %s: %s, want True, SecretMissing: %s", got.Status, got.Reason, got.Message, want)
		}
		if reads := w.vault.reads.Load(); reads > 0 {
			t.Errorf("got %d reads for a Secret that is missing, want none", reads)
		}

		if err := w.cluster.Create(t.Context(), theirs()); err != nil {
			t.Fatal(err)
		}
		w.pass(lastLook + time.Second)
		if diff := cmp.Diff(map[string][]byte{"user": []byte("admin"), "a": []byte(`{"a":"b"}`)}, w.secret(t).Data); diff != "" {
			t.Errorf("data (-want +got):\n%s", diff)
		}
		if got := w.ready(t); got.Reason != string(plan.ReasonSynced) || w.vault.reads.Load() != 1 {
			t.Errorf("got reason %s and %d reads, want Synced and one", got.Reason, w.vault.reads.Load())
		}

		secret := w.secret(t)
		deleteSecret(t, w)
		w.drift().Delete(t.Context(), event.DeleteEvent{Object: secret}, w.queue)
		w.pass(time.Second)
		if got := w.ready(t); got.Reason != string(plan.ReasonSecretMissing) {
			t.Errorf("got reason %s of a Secret that was deleted, want SecretMissing", got.Reason)
		}
	})
}

func TestASecretOfAnotherClientIsNotCompletedWithoutPermission(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) {
		w.Kind = altered{w.Kind, func(p *plan.Plan) { p.Target.Sharing = plan.CreateOrMerge }}
		if err := w.cluster.Create(t.Context(), theirs()); err != nil {
			t.Fatal(err)
		}
		w.apply(t, "db", nil)
		w.pass(time.Second)
		if got := w.ready(t); got.Reason != string(plan.ReasonSecretNotOwned) || !strings.Contains(got.Message, names.AnnotationPermitAdopt) {
			t.Errorf("got %s: %s, want SecretNotOwned, and the annotation that permits it", got.Reason, got.Message)
		}
		if diff := cmp.Diff(theirs().Data, w.secret(t).Data); diff != "" {
			t.Errorf("data (-want +got):\n%s", diff)
		}
	})
}

func TestASecretThatComesAndGoesDoesNotSetTheBill(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) {
		w.Kind = altered{w.Kind, func(p *plan.Plan) { p.Target.Sharing = plan.Merge }}
		w.permit(t)
		w.apply(t, "db", nil)
		for range 50 {
			if err := w.cluster.Create(t.Context(), theirs()); err != nil {
				t.Fatal(err)
			}
			w.queue.Add(reconcile.Request{NamespacedName: db})
			w.pass(200 * time.Millisecond)
			deleteSecret(t, w)
			w.queue.Add(reconcile.Request{NamespacedName: db})
			w.pass(200 * time.Millisecond)
		}
		if got, most := w.vault.reads.Load(), int64(readBurst+20/10+1); got > most {
			t.Errorf("got %d reads for a Secret that was there 50 times in 20 s, want %d at most", got, most)
		}
	})
}

// emptied has the backend prove that it has nothing any more of what the object reads.
func (w *world) emptied(t *testing.T, alter func(*plan.Plan)) outcome {
	t.Helper()
	object := w.object(t)
	p, errs := w.Kind.Plan(object, nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	alter(p)
	o := w.write(t.Context(), object, p, &render.Secret{Empty: true}, nil, []string{"spec.data[0]", "spec.data[1]"})
	if _, err := w.finish(t.Context(), object, p, o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestWhatBecomesOfTheSecretWhenTheBackendHasNothingAnyMore(t *testing.T) {
	const nothing = "the backend has nothing to read for spec.data[0], spec.data[1]"
	deletes := func(p *plan.Plan) { p.Target.DeleteEmpty = true }
	for name, test := range map[string]struct {
		before func(t *testing.T, w *world)
		alter  func(*plan.Plan)
		want   plan.Reason
		says   string
		stays  bool
	}{
		"it is deleted where the object wants that": {nil, deletes, plan.ReasonSecretDeleted, nothing + ", which is all that there is: the Secret is deleted", false},
		"it stays where it does not":                {nil, func(*plan.Plan) {}, plan.ReasonSynced, nothing + ", which is all that there is: nothing is written", true},
		"that of another owner stays": {func(t *testing.T, w *world) {
			t.Helper()
			deleteSecret(t, w)
			if err := w.cluster.Create(t.Context(), theirs()); err != nil {
				t.Fatal(err)
			}
		}, deletes, plan.ReasonSecretDeleted, nothing, true},
		"that there is none already is no error": {deleteSecret, deletes, plan.ReasonSecretDeleted, nothing, false},
	} {
		t.Run(name, func(t *testing.T) {
			inFakeTime(t, interceptor.Funcs{}, func(w *world) {
				w.apply(t, "db", nil)
				w.pass(time.Second)
				if test.before != nil {
					test.before(t, w)
				}
				w.emptied(t, test.alter)
				got := w.ready(t)
				if got.Status != metav1.ConditionTrue || got.Reason != string(test.want) || !strings.HasPrefix(got.Message, test.says) {
					t.Errorf("got %s, %s: %s, want True, %s: %s", got.Status, got.Reason, got.Message, test.want, test.says)
				}
				err := w.cluster.Get(t.Context(), db, &corev1.Secret{})
				if apierrors.IsNotFound(err) == test.stays {
					t.Errorf("got %v, want a Secret: %t", err, test.stays)
				}
			})
		})
	}
}

// The event of the deletion, which comes afterwards, must not have the backend read.
func TestASecretThatWasDeletedForThatIsNotRepaired(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) {
		w.apply(t, "db", nil)
		w.pass(time.Second)
		secret, reads := w.secret(t), w.vault.reads.Load()
		w.emptied(t, func(p *plan.Plan) { p.Target.DeleteEmpty = true })
		w.drift().Delete(t.Context(), event.DeleteEvent{Object: secret}, w.queue)
		w.pass(time.Minute)
		if n := w.vault.reads.Load() - reads; n != 0 {
			t.Errorf("got %d reads, want none", n)
		}
	})
}

func TestWhatIsMissingOfSomeEntriesIsSaid(t *testing.T) {
	p := &plan.Plan{}
	values := render.Values{}
	for i := range 15 {
		source := plan.Source{Read: plan.Read{Key: fmt.Sprint(i), Optional: i != 1}}
		p.Entries = append(p.Entries, plan.Entry{Field: fmt.Sprintf("spec.data[%d]", i), Source: source})
		values[source] = nil
	}
	values[p.Entries[0].Source] = append(values[p.Entries[0].Source], driver.Value{Data: []byte("x")})
	absent := absentOf(p, values)
	o := outcome{reason: plan.ReasonSynced}.lacking(absent)
	want := "the backend has nothing to read for spec.data[2], spec.data[3], spec.data[4], spec.data[5], spec.data[6], spec.data[7], " +
		"spec.data[8], spec.data[9], spec.data[10], spec.data[11] and 3 more: the Secret is made without it"
	if o.message != want || !o.absent {
		t.Errorf("got %q, want %q", o.message, want)
	}
	entries := entriesOf(p, fetch.Result{Values: values})
	if got := []plan.Reason{entries[0].Error, entries[1].Error, entries[2].Error}; !cmp.Equal(got, []plan.Reason{"", "", plan.ReasonSecretNotFound}) {
		t.Errorf("got the errors %q of entries, want that of the third alone", got)
	}
	if o := (outcome{reason: plan.ReasonSynced}).lacking(nil); o.message != "" || o.absent {
		t.Errorf("got %q where nothing is missing, want nothing", o.message)
	}
}

// otherwise is a kind with events of other names.
type otherwise struct{ dialect.Kind }

func (otherwise) EventReasons() map[dialect.Event]string {
	return map[dialect.Event]string{
		dialect.EventFailed: "UpdateFailed", dialect.EventCreated: "Created", dialect.EventUpdated: "Updated", dialect.EventDeleted: "Deleted",
		dialect.EventMissing: "MissingProviderSecret",
	}
}

// failing is one with a name of its own for what cannot be written, and no other.
type failing struct{ dialect.Kind }

func (failing) EventReasons() map[dialect.Event]string {
	return map[dialect.Event]string{dialect.EventFailed: "Failed", dialect.EventUnwritten: "WriteFailed"}
}

func TestEventsHaveTheNamesThatTheirKindGivesThem(t *testing.T) {
	for name, test := range map[string]struct {
		kind func(dialect.Kind) dialect.Kind
		want []string
	}{
		"ours": {func(k dialect.Kind) dialect.Kind { return k }, []string{
			"Warning SecretWriteFailed the Secret cannot be written: planted", "Normal Synced the Secret is up to date again",
			"Normal SecretDeleted the backend has nothing to read for spec.data[0], spec.data[1], which is all that there is: the Secret is deleted",
		}},
		"the kind's": {func(k dialect.Kind) dialect.Kind { return otherwise{k} }, []string{
			"Warning UpdateFailed the Secret cannot be written: planted", "Normal Created Secret db was created", "Normal Updated Secret db was changed",
			"Normal Deleted the backend has nothing to read for spec.data[0], spec.data[1], which is all that there is: the Secret is deleted",
		}},
		"the kind's for what cannot be written": {func(k dialect.Kind) dialect.Kind { return failing{k} }, []string{
			"Warning WriteFailed the Secret cannot be written: planted",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			fails := true
			faults := interceptor.Funcs{Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
				if _, secret := object.(*corev1.Secret); secret && fails {
					fails = false
					return fmt.Errorf("planted")
				}
				return c.Create(ctx, object, options...)
			}}
			inFakeTime(t, faults, func(w *world) {
				recorder := events.NewFakeRecorder(10)
				w.Recorder, w.Kind = recorder, test.kind(w.Kind)
				w.apply(t, "db", nil)
				w.pass(time.Minute)
				w.change(t.Context(), t)
				w.pass(time.Second)
				w.emptied(t, func(p *plan.Plan) { p.Target.DeleteEmpty = true })
				close(recorder.Events)
				var got []string
				for e := range recorder.Events {
					got = append(got, e)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("events (-want +got):\n%s", diff)
				}
			})
		})
	}
}
