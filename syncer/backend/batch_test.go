package backend

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// able is a driver with batches and walks.
type able struct {
	scripted
	batch func(ctx context.Context, reads []plan.Read) ([]driver.Result, error)
	walk  func() ([]driver.Value, error)
}

func (able) BatchSize(read plan.Read) int {
	if read.Version != "" {
		return 0
	}
	return 20
}

func (a able) GetBatch(ctx context.Context, _ plan.Store, reads []plan.Read) ([]driver.Result, error) {
	return a.batch(ctx, reads)
}

func (a able) Walk(context.Context, plan.Store, plan.Read) ([]driver.Value, error) { return a.walk() }

func clientOf(d driver.Driver, m *Metrics) *Client {
	return &Client{Drivers: map[plan.Backend]driver.Driver{backends.AWSParameterStore: d}, Metrics: m}
}

var ssm = plan.Store{Backend: backends.AWSParameterStore, Location: "eu-west-1"}

func TestBatchSize(t *testing.T) {
	for name, test := range map[string]struct {
		driver driver.Driver
		read   plan.Read
		want   int
	}{
		"what the driver says":          {able{}, plan.Read{Key: "/a"}, 20},
		"never less than one":           {able{}, plan.Read{Key: "/a", Version: "1"}, 1},
		"a path is walked alone":        {able{}, plan.Read{Key: "/a", Path: true}, 1},
		"a driver without batches":      {scripted(nil), plan.Read{Key: "/a"}, 1},
		"a backend that is not set up":  {nil, plan.Read{Key: "/a"}, 1},
		"an AWS reference by full name": {able{}, plan.Read{Key: "/aws/reference/secretsmanager/a"}, 20},
	} {
		t.Run(name, func(t *testing.T) {
			if got := clientOf(test.driver, nil).BatchSize(plan.Source{Store: ssm, Read: test.read}); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestOutcomesOfABatch(t *testing.T) {
	d := able{batch: func(context.Context, []plan.Read) ([]driver.Result, error) {
		return []driver.Result{
			{Value: driver.Value{Data: []byte("a"), Version: "1"}},
			{Err: errors.New("denied, password: " + planted)},
			{Err: fmt.Errorf("here: %w", driver.ErrNotAnswered)},
			{Value: driver.Value{Data: make([]byte, MaxValueBytes+1)}},
		}, nil
	}}
	m := NewMetrics()
	outcomes, err := clientOf(d, m).GetBatch(t.Context(), ssm, []plan.Read{{Key: "/a"}, {Key: "/b"}, {Key: "/c"}, {Key: "/d"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(driver.Value{Data: []byte("a"), Version: "1"}, outcomes[0].Value); diff != "" || outcomes[0].Err != nil {
		t.Errorf("the value (-want +got):\n%s", diff)
	}
	for i, want := range []string{
		1: `cannot read key "/b" from systemManager in region eu-west-1: access denied: denied, password: [redacted]; `,
		2: `cannot read key "/c" from systemManager in region eu-west-1: failed: the answer does not mention it; `,
		3: `cannot read key "/d" from systemManager in region eu-west-1: not a valid request: the value has 1048577 bytes, `,
	} {
		if i > 0 && (outcomes[i].Err == nil || !strings.HasPrefix(outcomes[i].Err.Error(), want) || outcomes[i].Value.Data != nil) {
			t.Errorf("outcome %d has the error %v, want %s…", i, outcomes[i].Err, want)
		}
	}
	if !errors.Is(outcomes[2].Err, driver.ErrNotAnswered) || errors.Is(outcomes[1].Err, driver.ErrNotAnswered) {
		t.Error("what the answer does not mention is not told by its error")
	}
	if diff := cmp.Diff([]string{"systemManager batch ok"}, counted(t, m)); diff != "" {
		t.Errorf("calls counted (-want +got):\n%s", diff)
	}
	want := []string{"systemManager  denied", "systemManager  invalid", "systemManager  not_answered", "systemManager  ok"}
	if diff := cmp.Diff(want, countedOf(t, m, "secretgate_backend_batch_items_total")); diff != "" {
		t.Errorf("items counted (-want +got):\n%s", diff)
	}
}

func panicsToo(context.Context, []plan.Read) ([]driver.Result, error) { panic(planted) }

type later struct{ error }

func (later) RetryAfter() time.Duration { return 7 * time.Second }

func TestBatchesThatFailAsAWhole(t *testing.T) {
	const batch = "cannot read a batch of keys from systemManager in region eu-west-1: "
	for name, test := range map[string]struct {
		driver driver.Driver
		want   string
		after  time.Duration
	}{
		"an error is that of no key": {
			able{batch: func(context.Context, []plan.Read) ([]driver.Result, error) { return nil, errors.New("denied") }}, batch + "access denied: denied; ", 0,
		},
		"the time to wait is passed on": {
			able{batch: func(context.Context, []plan.Read) ([]driver.Result, error) {
				return nil, fmt.Errorf("here: %w", later{errors.New("denied")})
			}}, batch + "access denied: here: denied; ", 7 * time.Second,
		},
		"results beside an error are dropped": {
			able{batch: func(_ context.Context, reads []plan.Read) ([]driver.Result, error) {
				return make([]driver.Result, len(reads)), errors.New("x")
			}}, batch + "failed: x; ", 0,
		},
		"results are missing": {
			able{batch: func(context.Context, []plan.Read) ([]driver.Result, error) { return make([]driver.Result, 1), nil }},
			batch + "failed: the driver gave 1 results for 2 reads; ", 0,
		},
		"there are too many results": {
			able{batch: func(context.Context, []plan.Read) ([]driver.Result, error) { return make([]driver.Result, 3), nil }},
			batch + "failed: the driver gave 3 results for 2 reads; ", 0,
		},
		"a panic": {able{batch: panicsToo}, batch + "failed: the driver panicked with a string at " +
			"github.com/secretgate/secretgate/syncer/backend.panicsToo:", 0},
		"no answer in time": {
			able{batch: func(ctx context.Context, _ []plan.Read) ([]driver.Result, error) {
				<-ctx.Done()
				return nil, errors.New("the SDK's words")
			}}, batch + "unavailable: no answer in time; ", 0,
		},
		"a driver without batches": {scripted(nil), batch + "not a valid request: the backend has no batches; ", 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := clientOf(test.driver, nil)
			c.Timeout = 10 * time.Millisecond
			outcomes, err := c.GetBatch(t.Context(), ssm, []plan.Read{{Key: "/a"}, {Key: "/b"}})
			failed, ok := errors.AsType[*Error](err)
			if !ok || outcomes != nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), planted) {
				t.Fatalf("got %d outcomes and the error %v, want %s…", len(outcomes), err, test.want)
			}
			if failed.RetryAfter != test.after {
				t.Errorf("RetryAfter is %s, want %s", failed.RetryAfter, test.after)
			}
			of := failed.For(plan.Read{Key: "/a"})
			if want := strings.Replace(test.want, "a batch of keys", `key "/a"`, 1); !strings.HasPrefix(of.Error(), want) || of.Kind != failed.Kind {
				t.Errorf("for one key it is %v", of)
			}
		})
	}
	if _, err := (&Client{}).GetBatch(t.Context(), ssm, []plan.Read{{Key: "/a"}}); !errors.Is(err, ErrNotConfigured) {
		t.Errorf("got %v, want ErrNotConfigured", err)
	}
}

func TestWalks(t *testing.T) {
	found := []driver.Value{{Name: "/a/b", Data: []byte("b")}, {Name: "/a/c", Data: []byte("c")}}
	large := []driver.Value{found[0], {Name: "/a/c", Data: make([]byte, MaxValueBytes+1)}}
	for name, test := range map[string]struct {
		driver driver.Driver
		values []driver.Value
		want   string
		code   string
	}{
		"what was found is passed on": {able{walk: func() ([]driver.Value, error) { return found, nil }}, found, "", "ok"},
		"nothing is not found": {
			able{walk: func() ([]driver.Value, error) { return nil, nil }}, nil, "not found: nothing is below the path; ", "not_found",
		},
		"one value that is too large": {
			able{walk: func() ([]driver.Value, error) { return large, nil }}, nil, "not a valid request: the value of /a/c has 1048577 bytes", "invalid",
		},
		"an error names the path": {
			able{walk: func() ([]driver.Value, error) { return found, errors.New("denied") }},
			nil, `cannot read path "/a" from systemManager in region eu-west-1: access denied: denied; `, "denied",
		},
		"a driver without walks": {scripted(nil), nil, "not a valid request: the backend has no paths; ", "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			m := NewMetrics()
			values, err := clientOf(test.driver, m).Get(t.Context(), plan.Source{Store: ssm, Read: plan.Read{Key: "/a", Path: true}})
			if diff := cmp.Diff(test.values, values); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
			if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got the error %v, want %q", err, test.want)
			}
			if diff := cmp.Diff([]string{"systemManager walk " + test.code}, counted(t, m)); diff != "" {
				t.Errorf("calls counted (-want +got):\n%s", diff)
			}
		})
	}
}
