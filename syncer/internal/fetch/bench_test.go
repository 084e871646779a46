package fetch

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// benchmarked is how many objects the benchmarks have, with a source of its own each.
const benchmarked = 10_000

// instant is a backend that answers at once.
type instant struct{ value driver.Value }

func newInstant() *instant { return &instant{driver.Value{Data: []byte("value"), Version: "1"}} }

func (*instant) BatchSize(plan.Source) int { return 20 }

func (*instant) Forget(plan.Store) {}

func (i *instant) Get(context.Context, plan.Source) ([]driver.Value, error) {
	return []driver.Value{i.value}, nil
}

func (i *instant) GetBatch(_ context.Context, _ plan.Store, reads []plan.Read) ([]backend.Outcome, error) {
	outcomes := make([]backend.Outcome, len(reads))
	for j := range outcomes {
		outcomes[j].Value = i.value
	}
	return outcomes, nil
}

// plansOf are the plans of the objects of a benchmark, which share a number of Stores.
func plansOf(stores int) []*plan.Plan {
	plans := make([]*plan.Plan, benchmarked)
	for i := range plans {
		plans[i] = reads(fmt.Sprintf("ns%d/o%d", i%100, i), fmt.Sprint("role", i%stores), fmt.Sprint("k", i))
	}
	return plans
}

// start runs an engine, and returns what stops it.
func start(e *Engine) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { _ = e.Run(ctx) })
	return func() {
		cancel()
		done.Wait()
	}
}

func BenchmarkSubscribe(b *testing.B) {
	b.ReportAllocs()
	plans := plansOf(1)
	for b.Loop() {
		e := &Engine{Reader: newInstant(), Notify: func(plan.ID, Priority) {}}
		stop := start(e)
		for _, p := range plans {
			e.Subscribe(p, 100*time.Hour, false)
		}
		stop()
	}
}

// coldRead requests all objects of an engine, collects them by four workers as they become ready, and returns what stops the engine.
func coldRead(plans []*plan.Plan, interval time.Duration, observe func(plan.ID, bool, time.Time)) (stop func()) {
	ready := make(chan plan.ID, 4*benchmarked)
	e := &Engine{Reader: newInstant(), Notify: func(object plan.ID, _ Priority) { ready <- object }, Observe: observe}
	halt := start(e)
	var collected atomic.Int64
	done := make(chan struct{})
	for range 4 {
		go func() {
			for object := range ready {
				if _, state := e.Collect(object); state == Ready && collected.Add(1) == int64(len(plans)) {
					close(done)
				}
			}
		}()
	}
	for _, p := range plans {
		e.Subscribe(p, interval, false)
		e.Request(p.Object, Foreground, false)
	}
	<-done
	return func() {
		halt()
		close(ready)
	}
}

func BenchmarkColdRead(b *testing.B) {
	for _, stores := range []int{1, 100, benchmarked} {
		b.Run(fmt.Sprintf("stores=%d", stores), func(b *testing.B) {
			b.ReportAllocs()
			plans := plansOf(stores)
			for b.Loop() {
				coldRead(plans, 100*time.Hour, nil)()
			}
		})
	}
}

// An operation is an interval in which all sources are read once. Each is due again at once, so that the engine is never idle.
func BenchmarkRefresh(b *testing.B) {
	for _, stores := range []int{1, 100} {
		b.Run(fmt.Sprintf("stores=%d", stores), func(b *testing.B) {
			b.ReportAllocs()
			var refreshes atomic.Int64
			intervals := make(chan struct{}, 1)
			stop := coldRead(plansOf(stores), time.Millisecond, func(plan.ID, bool, time.Time) {
				if refreshes.Add(1)%benchmarked == 0 {
					select {
					case intervals <- struct{}{}:
					default:
					}
				}
			})
			defer stop()
			<-intervals
			for b.Loop() {
				<-intervals
			}
		})
	}
}
