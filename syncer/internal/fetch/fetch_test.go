package fetch

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

func planOf(keys ...string) *plan.Plan {
	p := &plan.Plan{Scope: plan.Scope{Backend: apiv1.BackendVault}}
	for _, key := range keys {
		p.Entries = append(p.Entries, plan.Entry{Read: plan.Read{Key: key}})
	}
	return p
}

func TestEachSourceIsReadOnceAndAllFailuresAreTold(t *testing.T) {
	broken := map[string]error{"b": errors.New("b"), "d": errors.New("d")}
	var calls atomic.Int32
	f := &Fetcher{Get: func(_ context.Context, source plan.Source, since string) (driver.Value, error) {
		calls.Add(1)
		if source.Backend != apiv1.BackendVault || since != "" {
			t.Errorf("asked for %v since %q", source, since)
		}
		return driver.Value{Data: []byte(source.Key)}, broken[source.Key]
	}}
	values, failures := f.Fetch(t.Context(), planOf("d", "a", "b", "a", "b", "c"))
	want := render.Values{{Key: "a"}: {{Value: driver.Value{Data: []byte("a")}}}, {Key: "c"}: {{Value: driver.Value{Data: []byte("c")}}}}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Error(diff)
	}
	var failed []string
	for _, failure := range failures {
		if !errors.Is(failure.Err, broken[failure.Read.Key]) {
			t.Errorf("%s: %v", failure.Read.Key, failure.Err)
		}
		failed = append(failed, failure.Read.Key)
	}
	if diff := cmp.Diff([]string{"d", "b"}, failed); diff != "" {
		t.Errorf("the order of the entries is not kept:\n%s", diff)
	}
	if n := calls.Load(); n != 4 {
		t.Errorf("there were %d reads of 4 sources", n)
	}
}

func TestSourcesAreReadAFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		f := &Fetcher{Get: func(context.Context, plan.Source, string) (driver.Value, error) {
			most.Store(max(most.Load(), now.Add(1)))
			<-time.After(time.Second)
			now.Add(-1)
			return driver.Value{}, nil
		}}
		keys := make([]string, 3*parallelReads)
		for i := range keys {
			keys[i] = string(rune('a' + i))
		}
		start := time.Now()
		values, _ := f.Fetch(t.Context(), planOf(keys...))
		if len(values) != len(keys) || most.Load() != parallelReads || time.Since(start) != 3*time.Second {
			t.Errorf("%d values, %d reads at a time, in %s", len(values), most.Load(), time.Since(start))
		}
	})
}

func TestABackendThatIsDownIsNotAskedForEverything(t *testing.T) {
	var calls atomic.Int32
	f := &Fetcher{Get: func(_ context.Context, source plan.Source, _ string) (driver.Value, error) {
		calls.Add(1)
		return driver.Value{}, &backend.Error{Kind: driver.Unavailable, Source: source}
	}}
	keys := make([]string, 100)
	for i := range keys {
		keys[i] = strconv.Itoa(i)
	}
	_, failures := f.Fetch(t.Context(), planOf(keys...))
	if n := calls.Load(); n < enough || n > enough+parallelReads {
		t.Errorf("%d calls, want %d and those that were under way", n, enough)
	}
	if len(failures) != len(keys) {
		t.Errorf("%d failures of %d sources", len(failures), len(keys))
	}
}
