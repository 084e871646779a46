package restart

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
)

// lists answers as an API server does: page by page, unless it may answer from its cache.
type lists struct {
	cache.ListerWatcherWithContext
	names    []string
	requests []metav1.ListOptions
}

func (l *lists) ListWithContext(_ context.Context, options metav1.ListOptions) (runtime.Object, error) {
	l.requests = append(l.requests, options)
	begin, _ := strconv.Atoi(options.Continue)
	end := len(l.names)
	if options.Limit > 0 && options.ResourceVersion == "" {
		end = min(begin+int(options.Limit), end)
	}
	list := &corev1.ConfigMapList{ListMeta: metav1.ListMeta{ResourceVersion: "7"}}
	for _, name := range l.names[begin:end] {
		list.Items = append(list.Items, corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"a": strings.Repeat("x", 1000)},
		})
	}
	if end < len(l.names) {
		list.Continue = strconv.Itoa(end)
	}
	return list, nil
}

func TestListsAreReadPageByPage(t *testing.T) {
	for _, tc := range []struct {
		name     string
		objects  int
		options  metav1.ListOptions
		requests int
	}{
		{"nothing is there", 0, metav1.ListOptions{ResourceVersion: "0"}, 1},
		{"all fit one page", pageSize, metav1.ListOptions{ResourceVersion: "0", Limit: 500}, 1},
		{"the first list of a reflector, which the API server's cache would answer whole", 3*pageSize + 1, metav1.ListOptions{ResourceVersion: "0", Limit: 500}, 4},
		{"a later one, of no older version than the last, without pages", 2 * pageSize, metav1.ListOptions{ResourceVersion: "5"}, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := &lists{}
			for i := range tc.objects {
				server.names = append(server.names, fmt.Sprint("settings-", i))
			}
			got, err := pages{server}.List(tc.options)
			if err != nil {
				t.Fatal(err)
			}
			all, ok := got.(*corev1.ConfigMapList)
			if !ok || all.Continue != "" || all.ResourceVersion != "7" {
				t.Fatalf("got %T %+v, want a whole list", got, all.ListMeta)
			}
			var names []string
			for i := range all.Items {
				names = append(names, all.Items[i].Name)
				if all.Items[i].Data["a"] != "" {
					t.Errorf("%s was not stripped", all.Items[i].Name)
				}
			}
			if diff := cmp.Diff(server.names, names); diff != "" || len(server.requests) != tc.requests {
				t.Errorf("got %d requests, want %d; objects (-want +got):\n%s", len(server.requests), tc.requests, diff)
			}
		})
	}
}

// A cluster has thousands of objects, and their specs may be large.
func TestTheCacheKeepsWhatObjectsSayAlone(t *testing.T) {
	kind := kindOf(t, "kes")
	object := kind.New()
	if err := yaml.Unmarshal([]byte(ofKES), object); err != nil {
		t.Fatal(err)
	}
	kind.Status(object).Put(plan.Record{Generation: 2, Ready: metav1.ConditionTrue, Reason: plan.ReasonSynced, SecretUID: "uid", DataRevision: 3})
	object.SetUID("1")
	object.SetResourceVersion("7")
	object.SetLabels(map[string]string{"a": "b"})
	transform := Transform([]dialect.Kind{kind}, true)
	first, err := transform(object)
	if err != nil {
		t.Fatal(err)
	}
	got, err := transform(first) // as with a list, which is stripped page by page
	if err != nil {
		t.Fatal(err)
	}
	of := kind.Type().GroupVersionKind
	says, _ := read(kind, object, true)
	says.reports = &of
	want := &Object{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "db", UID: "1", ResourceVersion: "7"}, says: says}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Object{}, made{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	tombstone := cache.DeletedFinalStateUnknown{Key: "ns/db", Obj: first}
	if kept, err := transform(tombstone); err != nil || kept != tombstone {
		t.Errorf("got %v (%v) of the last that was seen of an object that is gone, want it as it is", kept, err)
	}
}
