package controller

import (
	"context"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/plan"
)

// pruning is an API server whose CRD has no place for some of what a sync remembers, and what was written there.
type pruning struct{ writes, secrets int }

func (p *pruning) faults() interceptor.Funcs {
	return interceptor.Funcs{
		SubResourcePatch: func(
			ctx context.Context, c client.Client, sub string, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption,
		) error {
			p.writes++
			if err := c.SubResource(sub).Patch(ctx, object, patch, options...); err != nil {
				return err
			}
			es, _ := object.(*apiv1.ExternalSecret)
			es.Status.SecretName, es.Status.SecretResourceVersion, es.Status.Entries = "", "", nil
			es.Status.SecretUID, es.Status.DataRevision = "", 0
			return c.Status().Update(ctx, es)
		},
		Update: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.UpdateOption) error {
			p.secrets++
			return c.Update(ctx, object, options...)
		},
	}
}

func (p *pruning) wantWrites(t *testing.T, what string, status, secrets int) {
	t.Helper()
	if p.writes != status || p.secrets != secrets {
		t.Errorf("%s: got %d writes of the status and %d of the Secret, want %d and %d", what, p.writes, p.secrets, status, secrets)
	}
	p.writes, p.secrets = 0, 0
}

// restart forgets all that a process knows.
func (w *world) restart() {
	w.Engine.Unsubscribe(w.id(db))
	w.states = objectStates{}
	w.queue.Add(reconcile.Request{NamespacedName: db})
}

func TestAStatusThatIsPrunedIsNotWrittenAgainAndAgain(t *testing.T) {
	var p pruning
	inFakeTime(t, p.faults(), func(w *world) {
		w.Settings.RefreshInterval, w.Settings.StatusHeartbeat = time.Minute, 0
		w.apply(t, "db", nil)
		w.pass(time.Second)
		p.wantWrites(t, "at first", 1, 0)
		for range 20 {
			w.queue.Add(reconcile.Request{NamespacedName: db})
			w.pass(time.Minute)
		}
		p.wantWrites(t, "at rest", 0, 0)

		w.change(t.Context(), t)
		w.pass(time.Second)
		p.wantWrites(t, "after another client changed the Secret", 1, 1)

		w.states.unkept = unkept{} // as in a process that has yet to learn it
		w.restart()
		w.pass(2 * time.Minute)
		if p.writes > 1 {
			t.Errorf("after a restart: got %d writes of the status, want at most the one that teaches what is pruned", p.writes)
		}
		p.writes = 0
		taught := w.states.unkept
		w.restart()
		w.states.unkept = taught
		w.pass(2 * time.Minute)
		p.wantWrites(t, "after another restart, of an object that is not the first", 0, 0)
		w.change(t.Context(), t)
		w.pass(time.Second)
		p.wantWrites(t, "after another client changed the Secret then", 1, 1)
	})
}

func TestAFailureThatIsPrunedIsNotWrittenWithEachRetry(t *testing.T) {
	var p pruning
	faults := p.faults()
	faults.Create = func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
		if _, secret := object.(*corev1.Secret); secret {
			return errors.New("planted")
		}
		return c.Create(ctx, object, options...)
	}
	inFakeTime(t, faults, func(w *world) {
		w.Settings.StatusHeartbeat = 0
		w.apply(t, "db", nil)
		w.pass(10 * time.Minute)
		p.wantWrites(t, "in ten minutes of retries", 1, 0)
		if reads := w.vault.reads.Load(); reads < 5 {
			t.Errorf("got %d reads, want retries", reads)
		}
	})
}

// What is lost at a restart must not hide that a Secret was changed or deleted.
func TestAfterARestartASecretIsRepairedThoughTheStatusDoesNotKnowIt(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, w *world){
		"deleted before": func(t *testing.T, w *world) {
			t.Helper()
			deleteSecret(t, w)
			w.restart()
		},
		"deleted afterwards, before its next read": func(t *testing.T, w *world) {
			t.Helper()
			w.restart()
			w.pass(time.Second)
			secret := w.secret(t)
			deleteSecret(t, w)
			w.drift().Delete(t.Context(), event.DeleteEvent{Object: secret}, w.queue)
		},
		"changed afterwards, before its next read": func(t *testing.T, w *world) {
			t.Helper()
			w.restart()
			w.pass(time.Second)
			before := w.secret(t)
			secret := w.secret(t)
			secret.Data = map[string][]byte{"a": []byte("changed")}
			if err := w.cluster.Update(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
			w.drift().Update(t.Context(), event.UpdateEvent{ObjectOld: before, ObjectNew: secret}, w.queue)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var p pruning
			inFakeTime(t, p.faults(), func(w *world) {
				w.apply(t, "db", nil)
				w.pass(time.Second)
				reads := w.vault.reads.Load()
				harm(t, w)
				w.pass(time.Second)
				if value := w.secret(t).Data["a"]; string(value) != `{"a":"b"}` {
					t.Errorf("got %q, want the value", value)
				}
				if n := w.vault.reads.Load() - reads; n != 1 {
					t.Errorf("got %d reads, want one", n)
				}
			})
		})
	}
}

func TestAfterARestartWhatIsIntactWaitsForItsSlot(t *testing.T) {
	var p pruning
	inFakeTime(t, p.faults(), func(w *world) {
		w.apply(t, "db", nil)
		w.pass(time.Second)
		reads := w.vault.reads.Load()
		w.restart()
		w.drift().Create(t.Context(), event.CreateEvent{Object: w.secret(t)}, w.queue) // of the first list
		w.pass(time.Second)
		if n := w.vault.reads.Load() - reads; n != 0 {
			t.Errorf("got %d reads, want none", n)
		}
	})
}

func deleteSecret(t *testing.T, w *world) {
	t.Helper()
	if err := w.cluster.Delete(t.Context(), w.secret(t)); err != nil {
		t.Fatal(err)
	}
}

func TestAPrunedStatusIsWholeWhileItSaysWhatWasKept(t *testing.T) {
	var s objectStates
	es := &apiv1.ExternalSecret{ObjectMeta: metav1.ObjectMeta{Namespace: db.Namespace, Name: db.Name, UID: "u", ResourceVersion: "20"}}
	written := plan.Record{Generation: 3, Ready: "True", SecretResourceVersion: "7", LastSync: at(1)}
	kept := written
	kept.SecretResourceVersion = ""
	s.report(es, written, kept)
	s.seen(es)
	others, later := kept, kept
	others.Message, later.LastSync = "of another client", at(2)
	again := es.DeepCopy()
	again.UID = "another"
	edited := es.DeepCopy()
	edited.ResourceVersion = "21"
	for name, test := range map[string]struct {
		object *apiv1.ExternalSecret
		says   plan.Record
		want   string
	}{
		"what was kept":                        {es, kept, "7"},
		"what was kept, of an edited object":   {edited, kept, "7"},
		"what another client wrote":            {edited, others, ""},
		"what another client wrote later":      {edited, later, ""},
		"an object that was made anew":         {again, kept, ""},
		"an object that was made anew, unread": {again, plan.Record{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := s.whole(test.object, test.says).SecretResourceVersion; got != test.want {
				t.Errorf("got Secret version %q, want %q", got, test.want)
			}
		})
	}
}
