package shard

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/syncer/internal/shard/ring"
	"github.com/secretgate/secretgate/syncer/internal/shard/shardtest"
)

// open opens a stream of a's share on a watch that the test feeds, as it does the next one.
func open(t *testing.T, options metav1.ListOptions) (shares *Shares, first, next *watch.RaceFreeFakeWatcher, s watch.Interface) {
	t.Helper()
	shares, first, next = &Shares{}, watch.NewRaceFreeFake(), watch.NewRaceFreeFake()
	shares.Set(two.Share("a"))
	inners := []watch.Interface{first, next}
	lw := &cache.ListWatch{
		ListWithContextFunc: func(context.Context, metav1.ListOptions) (runtime.Object, error) {
			return &apiv1.ExternalSecretList{ListMeta: metav1.ListMeta{ResourceVersion: "20"}}, nil
		},
		WatchFuncWithContext: func(context.Context, metav1.ListOptions) (inner watch.Interface, err error) {
			inner, inners = inners[0], inners[1:]
			return inner, nil
		},
	}
	w := Informers{Shares: shares, Kinds: kinds(), Metrics: NewMetrics()}.narrow(lw, &apiv1.ExternalSecret{})
	if options.SendInitialEvents == nil {
		if _, err := w.List(metav1.ListOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := w.Watch(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return shares, first, next, s
}

// drain reads what there is to read.
func drain(t *testing.T, s watch.Interface) []string {
	t.Helper()
	var all []string
	for {
		synctest.Wait()
		select {
		case event, ok := <-s.ResultChan():
			if !ok {
				return append(all, "end")
			}
			text := string(event.Type)
			if status, ok := event.Object.(*metav1.Status); ok {
				text += fmt.Sprint(" ", status.Code, " ", status.Reason)
			} else if object, err := meta.Accessor(event.Object); err == nil {
				text += fmt.Sprintf(" %q at %s", object.GetName(), object.GetResourceVersion())
			}
			all = append(all, text)
		default:
			return all
		}
	}
}

func TestStream(t *testing.T) {
	a, b, yes := two.Share("a"), two.Share("b"), true
	own := func(name, version string) *apiv1.ExternalSecret {
		es := externalSecret(name, uidIn(a, 0))
		es.ResourceVersion = version
		return es
	}
	foreign := externalSecret("foreign", uidIn(b, 0))
	foreign.ResourceVersion = "12"
	gained := externalSecret("gained", uidIn(b, 1))
	gained.ResourceVersion = "21"
	end := &apiv1.ExternalSecret{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "10", Annotations: map[string]string{metav1.InitialEventsAnnotationKey: "true"}}}
	initial := metav1.ListOptions{SendInitialEvents: &yes}
	for _, tc := range []struct {
		name    string
		options metav1.ListOptions
		feed    func(inner *watch.RaceFreeFakeWatcher)
		change  bool // of the share, once the above was read
		want    []string
	}{
		{"objects of others are left out", metav1.ListOptions{ResourceVersion: "7"}, func(inner *watch.RaceFreeFakeWatcher) {
			inner.Add(own("x", "11"))
			inner.Add(foreign)
			inner.Modify(foreign)
			inner.Delete(foreign)
			inner.Delete(own("x", "13"))
		}, false, []string{`ADDED "x" at 11`, `DELETED "x" at 13`}},
		{"the first objects end with their bookmark", initial, func(inner *watch.RaceFreeFakeWatcher) {
			inner.Add(own("x", "5"))
			inner.Add(foreign)
			inner.Action(watch.Bookmark, end)
		}, false, []string{`ADDED "x" at 5`, `BOOKMARK "" at 10`}},
		{"a change among the first objects lets the reflector begin anew", initial, func(inner *watch.RaceFreeFakeWatcher) {
			inner.Add(own("x", "5"))
		}, true, []string{`ADDED "x" at 5`, "ERROR 410 Expired", "end"}},
		{"a change takes back what was lost, at the version that was reached, and goes on from a list of what was gained", initial, func(inner *watch.RaceFreeFakeWatcher) {
			inner.Action(watch.Bookmark, end)
			inner.Add(own("x", "11"))
			inner.Add(foreign)
		}, true, []string{`BOOKMARK "" at 10`, `ADDED "x" at 11`, `DELETED "x" at 12`, `BOOKMARK "" at 20`, `ADDED "gained" at 21`}},
		{"a change that takes nothing goes on, too", metav1.ListOptions{ResourceVersion: "7"},
			func(*watch.RaceFreeFakeWatcher) {}, true, []string{`BOOKMARK "" at 20`, `ADDED "gained" at 21`}},
		{"an error is passed on", metav1.ListOptions{ResourceVersion: "7"}, func(inner *watch.RaceFreeFakeWatcher) {
			inner.Error(&metav1.Status{Code: http.StatusGone, Reason: metav1.StatusReasonExpired})
		}, false, []string{"ERROR 410 Expired"}},
		{"so is the end", metav1.ListOptions{ResourceVersion: "7"}, func(inner *watch.RaceFreeFakeWatcher) { inner.Stop() }, false, []string{"end"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shares, first, next, s := open(t, tc.options)
				tc.feed(first)
				got := drain(t, s)
				if tc.change {
					next.Add(gained)
					shares.Set(b)
					got = append(got, drain(t, s)...)
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// A reflector may stop a watch at any moment.
func TestRemovalThatWasInterruptedGoesOnWithTheNextWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, shares := two.Share("a"), &Shares{}
		server := shardtest.NewServer(t, "externalsecrets", &apiv1.ExternalSecret{}, &apiv1.ExternalSecretList{})
		for i := range 3 {
			server.Set(externalSecret(fmt.Sprint("x", i), uidIn(a, i)))
		}
		w := Informers{Shares: shares, Kinds: kinds(), Metrics: NewMetrics()}.narrow(
			listing{listerWatcher{ListerWatcherWithContext: server}}, &apiv1.ExternalSecret{})
		shares.Set(a)
		if _, err := w.List(metav1.ListOptions{}); err != nil {
			t.Fatal(err)
		}
		var removed []string
		for range 2 {
			s, err := w.Watch(metav1.ListOptions{ResourceVersion: "3"})
			if err != nil {
				t.Fatal(err)
			}
			shares.Set(ring.Share{})
			if removed == nil {
				removed = append(removed, fmt.Sprint((<-s.ResultChan()).Type))
			} else {
				removed = append(removed, drain(t, s)...)
			}
			s.Stop()
		}
		synctest.Wait()
		if len(removed) != 3 || len(w.contents.owners) > 0 {
			t.Errorf("got %v, and %d objects are left; want three deletions", removed, len(w.contents.owners))
		}
	})
}
