package controller

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
)

func TestWhatObjectsReferToThroughOthersIsRemembered(t *testing.T) {
	a, b := types.NamespacedName{Namespace: "ns", Name: "a"}, types.NamespacedName{Namespace: "ns", Name: "b"}
	one, other := dialect.Reference{Name: "one"}, dialect.Reference{Name: "other"}
	type call struct {
		object     types.NamespacedName
		references []dialect.Reference
	}
	for name, test := range map[string]struct {
		calls     []call
		one, more []types.NamespacedName // what refers to one, and to other
	}{
		"nothing":                               {},
		"two objects that refer to the same":    {[]call{{a, []dialect.Reference{one}}, {b, []dialect.Reference{one, other}}}, []types.NamespacedName{a, b}, []types.NamespacedName{b}},
		"an object that refers to another now":  {[]call{{a, []dialect.Reference{one}}, {a, []dialect.Reference{other}}}, nil, []types.NamespacedName{a}},
		"an object that is gone":                {[]call{{a, []dialect.Reference{one}}, {b, []dialect.Reference{one}}, {a, nil}}, []types.NamespacedName{b}, nil},
		"an object that is gone and comes back": {[]call{{a, []dialect.Reference{one}}, {a, nil}, {a, []dialect.Reference{one}}}, []types.NamespacedName{a}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var r referrers
			for _, c := range test.calls {
				r.set(c.object, c.references)
			}
			for to, want := range map[dialect.Reference][]types.NamespacedName{one: test.one, other: test.more} {
				got := r.list(to)
				slices.SortFunc(got, func(a, b types.NamespacedName) int { return strings.Compare(a.String(), b.String()) })
				if diff := cmp.Diff(want, got, cmp.Transformer("list", func(l []types.NamespacedName) []string {
					all := make([]string, 0, len(l))
					for _, n := range l {
						all = append(all, n.String())
					}
					return all
				})); diff != "" {
					t.Errorf("referrers of %s (-want +got):\n%s", to.Name, diff)
				}
			}
		})
	}
}

// watchedMaps are ConfigMaps that are watched.
type watchedMaps struct{ dialect.StoreKind }

// homelyMaps are watched beside the namespaces of objects, too.
type homelyMaps struct{ watchedMaps }

func (homelyMaps) Homes() []string { return []string{"home"} }

// chained is a kind whose objects refer to a ConfigMap, and through it to another one.
type chained struct {
	dialect.Kind
	end dialect.Reference
}

func (k chained) References(_ Object, resolved dialect.Resolved) []dialect.Reference {
	if resolved[texts] == nil {
		return []dialect.Reference{texts}
	}
	return []dialect.Reference{texts, k.end}
}

func endIn(namespace string) dialect.Reference {
	end := texts
	end.Namespace, end.Name = namespace, "end"
	return end
}

func TestWhatAnObjectRefersToThroughAnotherBringsItHere(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) {
		end := endIn("home")
		w.Kind, w.Stores = chained{w.Kind, end}, []dialect.StoreKind{watchedMaps{configMaps{}}}
		requests := func() []reconcile.Request {
			return w.dependants(configMaps{}.Type())(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: end.Namespace, Name: end.Name}})
		}
		if err := w.cluster.Create(t.Context(), configMap("1")); err != nil {
			t.Fatal(err)
		}
		w.apply(t, "db", nil)
		w.pass(time.Second)
		if diff := cmp.Diff([]reconcile.Request{{NamespacedName: db}}, requests()); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
		if err := w.cluster.Delete(t.Context(), w.object(t)); err != nil {
			t.Fatal(err)
		}
		w.queue.Add(reconcile.Request{NamespacedName: db})
		w.pass(time.Second)
		if got := requests(); len(got) > 0 {
			t.Errorf("got requests %v once the object is gone, want none", got)
		}
	})
}

func TestWhatIsInANamespaceThatIsNotWatchedIsSaid(t *testing.T) {
	const refusal = "the syncer does not watch the namespace of ConfigMap home/end: add it to its --watched-namespaces (WATCHED_NAMESPACES), " +
		"or refer to one in a namespace that it watches"
	for name, test := range map[string]struct {
		store  dialect.StoreKind
		reason plan.Reason
		want   string
	}{
		"a kind that is watched where objects are":              {watchedMaps{configMaps{}}, plan.ReasonStoreNotFound, refusal},
		"a kind that is watched in a namespace of its own, too": {homelyMaps{watchedMaps{configMaps{}}}, plan.ReasonSynced, ""},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			inFakeTime(t, countReads(endIn("home"), &asked), func(w *world) {
				w.Kind, w.Stores = needing{chained{w.Kind, endIn("home")}}, []dialect.StoreKind{test.store}
				w.Settings.Namespaces = []string{db.Namespace}
				if err := w.cluster.Create(t.Context(), configMap("1")); err != nil {
					t.Fatal(err)
				}
				end := configMap("1")
				end.Namespace, end.Name = "home", "end"
				if err := w.cluster.Create(t.Context(), end); err != nil {
					t.Fatal(err)
				}
				w.apply(t, "db", nil)
				w.pass(time.Second)
				got := w.ready(t)
				if got.Reason != string(test.reason) || test.want != "" && got.Message != test.want {
					t.Errorf("got %s: %s, want %s: %s", got.Reason, got.Message, test.reason, test.want)
				}
				if read := asked > 0; read != (test.want == "") {
					t.Errorf("got %d reads of the cache, want %t", asked, test.want == "")
				}
			})
		})
	}
}

// needing is a chained kind whose objects need the end of the chain.
type needing struct{ chained }

func (k needing) Plan(object Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList) {
	if _, missing := dialect.Find[*corev1.ConfigMap](resolved, field.NewPath("spec", "from"), k.end); missing != nil {
		return nil, field.ErrorList{missing}
	}
	return k.Kind.Plan(object, resolved)
}

// countReads counts the reads of one object, which a cache answers with an error where it does not watch the namespace.
func countReads(of dialect.Reference, n *int) interceptor.Funcs {
	return interceptor.Funcs{Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, into client.Object, options ...client.GetOption) error {
		if key.Namespace == of.Namespace && key.Name == of.Name {
			*n++
		}
		return c.Get(ctx, key, into, options...)
	}}
}
