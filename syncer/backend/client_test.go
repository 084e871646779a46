package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

const planted = "planted-value"

// scripted is a driver for what no real backend can be made to do.
type scripted func(ctx context.Context) (driver.Value, error)

func (s scripted) Get(ctx context.Context, _ plan.Store, _ plan.Read) (driver.Value, error) {
	return s(ctx)
}

func (scripted) Classify(err error) driver.Kind {
	switch {
	case strings.Contains(err.Error(), "denied"):
		return driver.Denied
	case strings.Contains(err.Error(), "missing"):
		return driver.NotFound
	}
	return driver.Unknown
}

func (scripted) Hint(error, plan.Source) string { return "" }

func panics(context.Context) (driver.Value, error) { panic(planted) }

var line = regexp.MustCompile(`panics:\d+`)

type withRemedy struct{ error }

// hintingDriver is a driver with a hint for some errors.
type hintingDriver struct{ scripted }

func (hintingDriver) Hint(err error, of plan.Source) string {
	if strings.Contains(err.Error(), "region") {
		return "let " + driver.TermIdentity + " read " + of.Key + " in {location}"
	}
	return ""
}

func TestHintsOfADriver(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"a hint replaces the remedy of the kind":                  {errors.New("denied: region"), `let role "app" at mount "kubernetes" read secret/data/db in {location}`},
		"without a hint the remedy is that of the kind":           {errors.New("denied"), `allow role "app" at mount "kubernetes" to read it`},
		"the remedy of an error of the driver itself comes first": {withRemedy{errors.New("denied: region")}, "do this"},
		"an error of the driver itself without one gets the hint": {&driver.Error{Problem: "a region"}, `let role "app" at mount "kubernetes" read secret/data/db in {location}`},
	} {
		t.Run(name, func(t *testing.T) {
			d := hintingDriver{func(context.Context) (driver.Value, error) { return driver.Value{}, test.err }}
			_, err := (&Client{Drivers: map[plan.Backend]driver.Driver{backends.Vault: d}}).Get(t.Context(), vaultSource)
			failed, ok := errors.AsType[*Error](err)
			if !ok || failed.Remedy() != test.want {
				t.Errorf("got %v, want the remedy %q", err, test.want)
			}
		})
	}
}

func (withRemedy) Remedy() string { return "do this" }

var vaultSource = plan.Source{
	Store: plan.Store{Backend: backends.Vault, Mount: "kubernetes", Role: "app"},
	Read:  plan.Read{Key: "secret/data/db", EngineVersion: 2},
}

func TestClientGet(t *testing.T) {
	const key = `cannot read key "secret/data/db" from vault as role "app" at mount "kubernetes": `
	tests := map[string]struct {
		driver scripted
		want   string // the value's size, or the error
		code   string
	}{
		"a value is passed on": {
			driver: func(context.Context) (driver.Value, error) { return driver.Value{Data: []byte(planted)}, nil },
			want:   "13 bytes", code: "ok",
		},
		"a value of 1 MiB is passed on": {
			driver: func(context.Context) (driver.Value, error) {
				return driver.Value{Data: make([]byte, 1<<20)}, nil
			},
			want: "1048576 bytes", code: "ok",
		},
		"a larger value is refused": {
			driver: func(context.Context) (driver.Value, error) {
				return driver.Value{Data: bytes.Repeat([]byte(planted), 1<<17)}, nil
			},
			want: key + "not a valid request: the value has 1703936 bytes, but a Secret holds 1048576 at most; keep less under this key",
			code: "invalid",
		},
		"larger metadata is refused": {
			driver: func(context.Context) (driver.Value, error) {
				return driver.Value{Data: []byte(planted), Metadata: bytes.Repeat([]byte(planted), 1<<17)}, nil
			},
			want: key + "not a valid request: the metadata has 1703936 bytes, but a Secret holds 1048576 at most; keep less in the custom metadata of this key",
			code: "invalid",
		},
		"an error is classified, redacted and given a remedy": {
			driver: func(context.Context) (driver.Value, error) {
				return driver.Value{}, errors.New("permission denied, password: " + planted)
			},
			want: key + `access denied: permission denied, password: [redacted]; ` +
				`allow role "app" at mount "kubernetes" to read it`,
			code: "denied",
		},
		"an error with a remedy of its own keeps it": {
			driver: func(context.Context) (driver.Value, error) {
				return driver.Value{}, fmt.Errorf("first: %w", withRemedy{errors.New("denied")})
			},
			want: key + "access denied: first: denied; do this", code: "denied",
		},
		"a value beside an error is dropped": {
			driver: func(context.Context) (driver.Value, error) {
				return driver.Value{Data: []byte(planted)}, errors.New("denied")
			},
			want: key + `access denied: denied; allow role "app" at mount "kubernetes" to read it`, code: "denied",
		},
		"a panic is an error that names its place and not what it says": {
			driver: panics,
			want: key + "failed: the driver panicked with a string at github.com/secretgate/secretgate/syncer/backend.panics:LINE; " +
				"it is tried again: look into the backend's own logs if this goes on",
			code: "unknown",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := NewMetrics()
			c := &Client{Drivers: map[plan.Backend]driver.Driver{backends.Vault: test.driver}, Metrics: m}
			values, err := c.Get(t.Context(), vaultSource)
			var got string
			if err != nil {
				got = err.Error()
			} else {
				got = fmt.Sprint(len(values[0].Data), " bytes")
			}
			if diff := cmp.Diff(test.want, line.ReplaceAllString(got, "panics:LINE")); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), planted) {
				t.Error("the error holds the planted value")
			}
			if diff := cmp.Diff([]string{"vault get " + test.code}, counted(t, m)); diff != "" {
				t.Errorf("calls counted (-want +got):\n%s", diff)
			}
		})
	}
}

type doubting struct{ able }

func (doubting) Doubts(error) bool { return true }

// What is taken for absent may be deleted from Secrets, so that only the driver's own word counts.
func TestOnlyWhatTheDriverProvesIsAbsent(t *testing.T) {
	missing := errors.New("missing")
	fails := func(err error) able {
		return able{
			scripted: func(context.Context) (driver.Value, error) { return driver.Value{}, err },
			batch:    func(context.Context, []plan.Read) ([]driver.Result, error) { return []driver.Result{{Err: err}}, nil },
			walk:     func() ([]driver.Value, error) { return nil, err },
		}
	}
	spoilt := able{batch: func(context.Context, []plan.Read) ([]driver.Result, error) { return nil, missing }}
	optional, walked := plan.Read{Key: "/a", Optional: true}, plan.Read{Key: "/a", Path: true, Optional: true}
	for name, test := range map[string]struct {
		driver driver.Driver
		read   plan.Read
		batch  bool
		want   string // the beginning of the error; empty: there is no value
	}{
		"what is missing, and optional":              {fails(missing), optional, false, ""},
		"the same in a batch":                        {fails(missing), optional, true, ""},
		"a path with nothing below":                  {fails(missing), walked, false, ""},
		"a path of which the driver says nothing":    {fails(nil), walked, false, "not found: nothing is below the path"},
		"what is missing, and not optional":          {fails(missing), plan.Read{Key: "/a"}, false, "not found: missing"},
		"the same in a batch, not optional":          {fails(missing), plan.Read{Key: "/a"}, true, "not found: missing"},
		"what is optional, and denied":               {fails(errors.New("denied")), optional, false, "access denied"},
		"the same in a batch, and denied":            {fails(errors.New("denied")), optional, true, "access denied"},
		"a batch of which the whole call is missing": {spoilt, optional, true, "not found: missing"},
		"an answer that does not mention it":         {fails(driver.ErrNotAnswered), optional, true, "failed: the answer does not mention it"},
		"what the driver doubts":                     {doubting{fails(missing)}, optional, false, "not found: missing"},
		"the same in a batch, doubted":               {doubting{fails(missing)}, optional, true, "not found: missing"},
		"a backend that is not set up":               {nil, optional, false, "not a valid request"},
	} {
		t.Run(name, func(t *testing.T) {
			c := clientOf(test.driver, nil)
			if test.driver == nil {
				c.Drivers = nil
			}
			values, err := c.Get(t.Context(), plan.Source{Store: ssm, Read: test.read})
			if test.batch {
				outcomes, failed := c.GetBatch(t.Context(), ssm, []plan.Read{test.read})
				if err, values = failed, nil; failed == nil {
					err = outcomes[0].Err
					if outcomes[0].Absent != (err == nil) {
						t.Errorf("got absent %t beside the error %v", outcomes[0].Absent, err)
					}
				}
			}
			switch {
			case test.want == "" && (err != nil || len(values) > 0):
				t.Errorf("got %d values and the error %v, want neither", len(values), err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got the error %v, want %q", err, test.want)
			}
		})
	}
}

func TestClientStopsWaiting(t *testing.T) {
	waits := scripted(func(ctx context.Context) (driver.Value, error) {
		<-ctx.Done()
		return driver.Value{}, fmt.Errorf("the SDK's words: %w", ctx.Err())
	})
	c := &Client{Drivers: map[plan.Backend]driver.Driver{backends.Vault: waits}, Timeout: 1}
	_, err := c.Get(t.Context(), vaultSource)
	if !errors.Is(err, context.DeadlineExceeded) || code(err) != "unavailable" {
		t.Errorf("at its time limit the call ends with %v (%s)", err, code(err))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Get(ctx, vaultSource)
	if !errors.Is(err, context.Canceled) || code(err) != "canceled" {
		t.Errorf("after its caller has given up the call ends with %v (%s)", err, code(err))
	}
}

func TestTheTimeOfACall(t *testing.T) {
	for name, test := range map[string]struct{ given, ofStore, want time.Duration }{
		"as given":                    {given: 3 * time.Second, want: 3 * time.Second},
		"ten seconds if not":          {want: 10 * time.Second},
		"that of the store":           {given: 3 * time.Second, ofStore: 5 * time.Second, want: 5 * time.Second},
		"that of the store, if alone": {ofStore: 5 * time.Second, want: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				waits := scripted(func(ctx context.Context) (driver.Value, error) {
					<-ctx.Done()
					return driver.Value{}, ctx.Err()
				})
				start := time.Now()
				c := &Client{Drivers: map[plan.Backend]driver.Driver{backends.Vault: waits}, Timeout: test.given}
				if name != "as given" { // where there is no function
					c.TimeoutOf = func(of plan.Store) time.Duration {
						if of != vaultSource.Store {
							t.Errorf("asked for the time of %+v, want of %+v", of, vaultSource.Store)
						}
						return test.ofStore
					}
				}
				_, err := c.Get(t.Context(), vaultSource)
				if took := time.Since(start); took != test.want || err == nil {
					t.Errorf("it took %s, want %s (%v)", took, test.want, err)
				}
			})
		})
	}
}

// A caller that unwraps an error must not find what was redacted.
func TestNothingOfADriversErrorIsInOurs(t *testing.T) {
	fails := scripted(func(context.Context) (driver.Value, error) { return driver.Value{}, errors.New("password: " + planted) })
	_, err := (&Client{Drivers: map[plan.Backend]driver.Driver{backends.Vault: fails}}).Get(t.Context(), vaultSource)
	if err == nil || errors.Unwrap(err) != nil || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), planted) {
		t.Errorf("got %v, which wraps %v", err, errors.Unwrap(err) != nil)
	}
}

func TestBackendWithoutDriver(t *testing.T) {
	_, err := (&Client{}).Get(t.Context(), vaultSource)
	if !errors.Is(err, ErrNotConfigured) {
		t.Errorf("got %v, want ErrNotConfigured", err)
	}
}

// counted lists the calls that the metrics count, by backend, operation and code.
func counted(t *testing.T, m *Metrics) []string {
	t.Helper()
	return countedOf(t, m, "secretgate_backend_requests_total")
}

func countedOf(t *testing.T, m *Metrics, name string) []string {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(m)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			for range int(metric.GetCounter().GetValue()) {
				calls = append(calls, labels["backend"]+" "+labels["operation"]+" "+labels["code"])
			}
		}
	}
	return calls
}
