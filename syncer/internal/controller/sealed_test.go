package controller

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// holding is a kind whose objects read nothing, and hold one value sealed.
type holding struct{ dialect.Kind }

func (h holding) Plan(object Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList) {
	p, errs := h.Kind.Plan(object, resolved)
	p.Entries, p.Places, p.Refresh.Never = []plan.Entry{{
		Field: "spec.encryptedData[a]", KeyField: "spec.encryptedData[a]", Name: "a", Sealed: plan.Sealed{Ciphertext: "A", Label: "ns/db"},
	}}, nil, true
	p.Choices = []plan.Choice{{At: "metadata.annotations", Value: "strict", Annotation: names.AnnotationPermittedSealingScope}}
	return p, errs
}

// opener opens everything once it has its key.
type opener struct {
	mu    sync.Mutex
	key   bool
	times []time.Time   // of each attempt
	slow  time.Duration // how long an attempt takes
}

func (o *opener) Open(_ context.Context, namespace string, sealed plan.Sealed) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.times = append(o.times, time.Now())
	key := o.key
	o.mu.Unlock()
	<-time.After(o.slow)
	o.mu.Lock()
	if !key {
		return nil, errors.New("no key of this cluster opens it")
	}
	return []byte(namespace + " " + sealed.Ciphertext), nil
}

func (o *opener) come() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.key = true
}

// attempts are how long after the first one the others were.
func (o *opener) attempts() (after []time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, at := range o.times {
		after = append(after, at.Sub(o.times[0]))
	}
	return after
}

// sealing has a world serve objects that hold a value sealed.
func sealing(w *world, o *opener) {
	w.Kind, w.Opener = holding{everything()}, o
}

func TestWhatIsSealedIsOpenedAndRepaired(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) {
		o := &opener{key: true}
		sealing(w, o)
		w.apply(t, "db", nil)
		w.pass(time.Second)
		want := map[string][]byte{"a": []byte(db.Namespace + " A")}
		if diff := cmp.Diff(want, w.secret(t).Data); diff != "" {
			t.Errorf("data (-want +got):\n%s", diff)
		}
		w.pass(24 * time.Hour)
		if got := len(o.attempts()); got != 1 {
			t.Errorf("got %d attempts in a day, want 1: nothing changes", got)
		}
		w.change(t.Context(), t)
		w.pass(time.Second)
		if diff := cmp.Diff(want, w.secret(t).Data); diff != "" {
			t.Errorf("data after another client changed it (-want +got):\n%s", diff)
		}
		if got := w.vault.reads.Load(); got != 0 {
			t.Errorf("got %d reads of a backend, want none", got)
		}
	})
}

func TestWhatCannotBeOpenedIsTriedForEver(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) {
		o := &opener{}
		sealing(w, o)
		w.apply(t, "db", nil)
		w.pass(20 * time.Second)
		want := []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second}
		if diff := cmp.Diff(want, o.attempts()); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
		record := w.status(w.object(t))
		if record.Reason != plan.ReasonCannotOpen || record.Message != "spec.encryptedData[a]: no key of this cluster opens it" ||
			record.Entries[0].Error != plan.ReasonCannotOpen {
			t.Errorf("got status %+v, want that of a value that cannot be opened", record)
		}
		if err := w.cluster.Get(t.Context(), db, &corev1.Secret{}); !apierrors.IsNotFound(err) {
			t.Errorf("got error %v for the Secret, want that it is not there", err)
		}
		w.pass(24 * time.Hour)
		if got, least, most := len(o.attempts()), 24*12, 24*12+12; got < least || got > most {
			t.Errorf("got %d attempts in a day, want one in five minutes", got)
		}
		o.come()
		w.retryFailed(t.Context(), w.queue)
		w.pass(0)
		if diff := cmp.Diff(map[string][]byte{"a": []byte(db.Namespace + " A")}, w.secret(t).Data); diff != "" {
			t.Errorf("data at once when the key came (-want +got):\n%s", diff)
		}
		count := len(o.attempts())
		w.retryFailed(t.Context(), w.queue)
		w.pass(time.Hour)
		if got := len(o.attempts()); got != count {
			t.Errorf("got %d more attempts when a further key came, want none: the object is in sync", got-count)
		}
	})
}

func TestAKeyThatComesDuringAnAttemptCounts(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) {
		o := &opener{slow: 100 * time.Millisecond}
		sealing(w, o)
		w.apply(t, "db", nil)
		w.pass(time.Hour) // the next attempt is minutes away
		before := len(o.attempts())
		w.retryFailed(t.Context(), w.queue) // without success
		<-time.After(50 * time.Millisecond)
		o.come()
		w.retryFailed(t.Context(), w.queue) // while the attempt is under way
		w.pass(time.Second)
		if got := len(o.attempts()) - before; got != 2 {
			t.Errorf("got %d attempts, want the one that was under way, and one with the key", got)
		}
		if diff := cmp.Diff(map[string][]byte{"a": []byte(db.Namespace + " A")}, w.secret(t).Data); diff != "" {
			t.Errorf("data (-want +got):\n%s", diff)
		}
	})
}

func TestASecretStaysWhenItsKeyIsGone(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) {
		o := &opener{key: true}
		sealing(w, o)
		w.apply(t, "db", nil)
		w.pass(time.Second)
		o.mu.Lock()
		o.key = false
		o.mu.Unlock()
		es := w.object(t)
		es.Generation++
		if err := w.cluster.Update(t.Context(), es); err != nil {
			t.Fatal(err)
		}
		w.queue.Add(reconcile.Request{NamespacedName: db})
		w.pass(time.Second)
		if got := w.status(w.object(t)).Reason; got != plan.ReasonCannotOpen {
			t.Errorf("got reason %s, want %s", got, plan.ReasonCannotOpen)
		}
		if diff := cmp.Diff(map[string][]byte{"a": []byte(db.Namespace + " A")}, w.secret(t).Data); diff != "" {
			t.Errorf("data (-want +got):\n%s", diff)
		}
	})
}

func TestAScopeThatIsDeniedIsNotOpened(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) {
		o := &opener{key: true}
		sealing(w, o)
		permit := func(scopes string) {
			ns := &corev1.Namespace{}
			if err := w.cluster.Get(t.Context(), types.NamespacedName{Name: db.Namespace}, ns); err != nil {
				t.Fatal(err)
			}
			ns.Annotations = map[string]string{names.AnnotationPermittedSealingScope: scopes}
			if err := w.cluster.Update(t.Context(), ns); err != nil {
				t.Fatal(err)
			}
			w.queue.Add(reconcile.Request{NamespacedName: db})
		}
		permit("namespace-wide")
		w.apply(t, "db", nil)
		w.pass(time.Hour)
		record := w.status(w.object(t))
		if record.Reason != plan.ReasonPolicyDenied || !strings.Contains(record.Message, `"strict" is not permitted`) || len(o.attempts()) > 0 {
			t.Errorf("got status %+v and %d attempts, want a denial and none", record, len(o.attempts()))
		}
		permit("strict")
		w.pass(time.Second)
		if got := len(o.attempts()); got != 1 {
			t.Errorf("got %d attempts once it is permitted, want 1", got)
		}
	})
}

func TestEditsOfWhatIsSealedAreNotLimited(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) {
		o := &opener{key: true}
		sealing(w, o)
		w.apply(t, "db", nil)
		w.pass(time.Millisecond)
		for range 2 * readBurst {
			es := w.object(t)
			es.Generation++
			if err := w.cluster.Update(t.Context(), es); err != nil {
				t.Fatal(err)
			}
			w.queue.Add(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(es)})
			w.pass(time.Millisecond)
		}
		if got, want := len(o.attempts()), 2*readBurst+1; got != want {
			t.Errorf("got %d attempts, want %d: no backend bills them", got, want)
		}
	})
}

func TestASignalIsSentOnceForAllTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s signal
		for range 3 {
			s.send()
		}
		<-s.events()
		select {
		case <-s.events():
			t.Error("got a second event, want one for all")
		default:
		}
		s.send()
		<-s.events()
	})
}

func TestObjectsWithManySealedValuesAreOpenedOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &opener{key: true, slow: 15 * time.Millisecond}
		r := &Reconciler{Opener: o}
		many := func(n int) *plan.Plan {
			p := &plan.Plan{Words: everything().Words()}
			for i := range n {
				p.Entries = append(p.Entries, plan.Entry{Name: "a", Sealed: plan.Sealed{Ciphertext: "A", Label: string(rune(i + 1))}})
			}
			return p
		}
		took := func(n int) time.Duration {
			begin := time.Now()
			opened, errs := r.open(t.Context(), many(n))
			if len(opened) != n || len(errs) > 0 {
				t.Errorf("got %d of %d values, and errors %v", len(opened), n, errs)
			}
			return time.Since(begin)
		}
		var all sync.WaitGroup
		var first, few time.Duration
		begin := time.Now()
		all.Go(func() { first = took(1000) })
		synctest.Wait()
		for range 3 {
			all.Go(func() { took(1000) })
		}
		all.Go(func() { few = took(1) })
		all.Wait()
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("four objects with many values took %s, want a minute: one after the other", took)
		}
		if first != 15*time.Second || few != 15*time.Millisecond {
			t.Errorf("the first of four objects with many values took %s, and one with few beside them %s, want 15s and 15ms", first, few)
		}
	})
}
