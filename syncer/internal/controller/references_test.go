package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/template"
)

// configMaps is a kind of objects that others refer to, and that are not watched.
type configMaps struct{}

func (configMaps) Type() dialect.Type {
	return dialect.Type{Dialect: "kes", GroupVersionKind: corev1.SchemeGroupVersion.WithKind("ConfigMap"), Resource: "configmaps"}
}

func (configMaps) New() dialect.Object { return &corev1.ConfigMap{} }

func (configMaps) NewList() dialect.List { return &corev1.ConfigMapList{} }

func (configMaps) Unwatched() {}

var texts = dialect.Reference{Kind: schema.GroupKind{Kind: "ConfigMap"}, Namespace: db.Namespace, Name: "texts"}

// referring is a kind whose objects take the annotations of their Secrets from a ConfigMap.
type referring struct{ dialect.Kind }

func (referring) References(Object, dialect.Resolved) []dialect.Reference {
	return []dialect.Reference{texts}
}

func (k referring) Plan(object Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList) {
	from, missing := dialect.Find[*corev1.ConfigMap](resolved, field.NewPath("spec", "from"), texts)
	if missing != nil {
		return nil, field.ErrorList{missing}
	}
	p, errs := k.Kind.Plan(object, resolved)
	for name, text := range from.Data {
		made := plan.Made{Part: plan.InAnnotations, Name: name}
		made.Source = text
		p.Template.Made = append(p.Template.Made, made)
	}
	return p, errs
}

// refers has the objects of a world refer to what is not watched.
func (w *world) refers() {
	w.Kind, w.Stores = referring{w.Kind}, []dialect.StoreKind{configMaps{}}
	w.Templates = func(_ context.Context, p *plan.Plan, _ []template.Entry) (template.Answer, error) {
		var answer template.Answer
		for _, made := range p.Template.Made {
			answer.Rendered = append(answer.Rendered, []byte(made.Source))
		}
		return answer, nil
	}
}

// asked is an API server that counts how often the ConfigMap is read, and may refuse that.
type asked struct {
	times  int
	refuse bool
}

func (a *asked) faults() interceptor.Funcs {
	return interceptor.Funcs{Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, into client.Object, options ...client.GetOption) error {
		if _, is := into.(*corev1.ConfigMap); is {
			a.times++
			if a.refuse {
				return apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, key.Name, errors.New("planted"))
			}
		}
		return c.Get(ctx, key, into, options...)
	}}
}

func TestWhatMayNotBeReadIsSaidWithTheRoleThatPermitsIt(t *testing.T) {
	a := asked{refuse: true}
	inFakeTime(t, a.faults(), func(w *world) {
		w.refers()
		w.apply(t, "db", nil)
		w.pass(time.Minute)
		got := w.ready(t)
		want := "the syncer may not read ConfigMap ns/texts: bind to the syncer's ServiceAccount, in namespace ns, a Role with the rule " +
			`{apiGroups: [""], resources: [configmaps], resourceNames: [texts], verbs: [get]}`
		if got.Reason != string(plan.ReasonStoreNotFound) || got.Message != want {
			t.Errorf("got %s: %s, want StoreNotFound: %s", got.Reason, got.Message, want)
		}
		if a.times > 3 {
			t.Errorf("got %d reads in a minute, want one each 30 seconds", a.times)
		}
		a.refuse = false
		if err := w.cluster.Create(t.Context(), configMap("1")); err != nil {
			t.Fatal(err)
		}
		w.pass(lastBackoff)
		if got := w.ready(t); got.Reason != string(plan.ReasonSynced) {
			t.Errorf("got %s once it may be read, want Synced", got.Reason)
		}
	})
}

func TestWhatIsNotWatchedIsLookedForUntilItIsThere(t *testing.T) {
	var a asked
	inFakeTime(t, a.faults(), func(w *world) {
		w.refers()
		w.apply(t, "db", nil)
		w.pass(time.Minute)
		if got := w.ready(t); got.Reason != string(plan.ReasonStoreNotFound) || !strings.Contains(got.Message, "there is no ConfigMap ns/texts yet") {
			t.Errorf("got %s: %s, want that it is not there", got.Reason, got.Message)
		}
		if err := w.cluster.Create(t.Context(), configMap("1")); err != nil {
			t.Fatal(err)
		}
		w.pass(lastBackoff)
		if got := w.ready(t); got.Reason != string(plan.ReasonSynced) {
			t.Errorf("got %s, want Synced", got.Reason)
		}
	})
}

func configMap(text string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: texts.Namespace, Name: texts.Name}, Data: map[string]string{"a": text}}
}

func TestATextThatChangesWhereItIsNotWatchedIsUsedWithTheNextAttempt(t *testing.T) {
	var a asked
	inFakeTime(t, a.faults(), func(w *world) {
		w.refers()
		if err := w.cluster.Create(t.Context(), configMap("1")); err != nil {
			t.Fatal(err)
		}
		w.apply(t, "db", nil)
		w.pass(time.Second)
		changed := configMap("2")
		if err := w.cluster.Update(t.Context(), changed); err != nil {
			t.Fatal(err)
		}
		w.pass(w.Settings.StatusHeartbeat + time.Minute)
		if got := w.secret(t).Annotations["a"]; got != "2" {
			t.Errorf("got the text %q after a heartbeat, want 2", got)
		}
	})
}

func TestWhatManyObjectsReferToIsReadOnceForAWhile(t *testing.T) {
	var a asked
	inFakeTime(t, a.faults(), func(w *world) {
		w.refers()
		if err := w.cluster.Create(t.Context(), configMap("1")); err != nil {
			t.Fatal(err)
		}
		w.apply(t, "db", nil)
		w.pass(time.Second) // or the attempt would read at the same time
		for range 100 {
			if _, err := w.references().all(t.Context(), dialect.ReferencesOf(w.Kind, w.object(t))); err != nil {
				t.Fatal(err)
			}
		}
		if a.times != 1 {
			t.Errorf("got %d reads, want one", a.times)
		}
		w.pass(liveFor)
		if _, err := w.references().all(t.Context(), dialect.ReferencesOf(w.Kind, w.object(t))); err != nil || a.times != 2 {
			t.Errorf("got %d reads after a while (%v), want another one", a.times, err)
		}
	})
}

func TestWhatIsReadLiveIsKeptWithinBounds(t *testing.T) {
	var l liveObjects
	now := time.Unix(1_000_000, 0)
	reference := func(i int) dialect.Reference { return dialect.Reference{Name: fmt.Sprint(i)} }
	l.keep(reference(-1), liveObject{object: configMap(strings.Repeat("x", liveBytes)), at: now})
	if _, known := l.known(reference(-1), now); known {
		t.Error("got a large object, want none kept")
	}
	for i := range 2 * liveCount {
		l.keep(reference(i), liveObject{object: configMap("1"), at: now})
	}
	if len(l.read) != liveCount {
		t.Errorf("got %d objects kept, want %d", len(l.read), liveCount)
	}
	l.keep(reference(5000), liveObject{at: now.Add(liveFor)})
	if _, known := l.known(reference(5000), now.Add(liveFor)); !known || len(l.read) != 1 {
		t.Errorf("got %d objects after they were of no use any more, want the new one alone", len(l.read))
	}
}

// An object whose store chooses another syncer is left to that, as it is.
func TestAnObjectThatIsNoLongerServedIsNotTouched(t *testing.T) {
	writes := 0
	inFakeTime(t, interceptor.Funcs{SubResourcePatch: func(
		ctx context.Context, c client.Client, sub string, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption,
	) error {
		writes++
		return c.SubResource(sub).Patch(ctx, object, patch, options...)
	}}, func(w *world) {
		w.apply(t, "db", nil)
		w.pass(time.Second)
		before, reads := w.object(t), w.vault.reads.Load()
		kind := w.Kind
		w.Kind, writes = served{kind, false}, 0
		w.queue.Add(reconcile.Request{NamespacedName: db})
		w.pass(3 * time.Hour)
		if got := w.object(t); got.ResourceVersion != before.ResourceVersion || writes > 0 || w.vault.reads.Load() != reads {
			t.Errorf("got version %s, %d writes and %d reads, want the object as it was, and none", got.ResourceVersion, writes, w.vault.reads.Load()-reads)
		}
		w.secret(t)
		w.Kind = kind
		w.queue.Add(reconcile.Request{NamespacedName: db})
		w.pass(2 * time.Hour)
		if w.vault.reads.Load() == reads {
			t.Error("got no read once it is served again, want some")
		}
	})
}
