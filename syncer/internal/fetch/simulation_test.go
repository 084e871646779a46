package fetch

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// The fleet of the simulation: objects with a source of their own each, evenly in namespaces and Stores.
const (
	fleetObjects  = 100_000
	fleetStores   = 100
	fleetReplicas = 4
	fleetBatch    = 20
	fleetInterval = 5 * time.Minute
	fleetPart     = 10 * time.Second // of an interval, to see that calls are spread
)

// meter is a backend that counts the calls and the reads of all replicas.
type meter struct {
	mu    sync.Mutex
	start time.Time
	parts []int                // calls, by when they began
	reads map[string]time.Time // when each key was last read
	count int                  // reads
	gap   time.Duration        // the longest between two reads of one key
}

func (*meter) BatchSize(plan.Source) int { return fleetBatch }

func (*meter) Forget(plan.Store) {}

func (m *meter) Get(_ context.Context, source plan.Source) ([]driver.Value, error) {
	outcomes, err := m.GetBatch(context.Background(), source.Store, []plan.Read{source.Read})
	return []driver.Value{outcomes[0].Value}, err
}

func (m *meter) GetBatch(_ context.Context, _ plan.Store, reads []plan.Read) ([]backend.Outcome, error) {
	m.note(reads)
	<-time.After(latency) // in fake time
	outcomes := make([]backend.Outcome, len(reads))
	for i := range reads {
		outcomes[i].Value = driver.Value{Data: []byte(reads[i].Key), Version: "1"}
	}
	return outcomes, nil
}

func (m *meter) note(reads []plan.Read) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.parts[int(now.Sub(m.start)/fleetPart)%len(m.parts)]++
	m.count += len(reads)
	for i := range reads {
		if last, ok := m.reads[reads[i].Key]; ok {
			m.gap = max(m.gap, now.Sub(last))
		}
		m.reads[reads[i].Key] = now
	}
}

// measured is what was measured in an interval.
type measured struct {
	calls, reads    int
	fewest, largest int // calls in a part
	sources         int // that were read so far
	gap             time.Duration
}

// interval lets an interval pass, and returns what was measured.
func (m *meter) interval() measured {
	m.mu.Lock()
	m.start, m.parts, m.count, m.gap = time.Now(), make([]int, fleetInterval/fleetPart), 0, 0
	m.mu.Unlock()
	<-time.After(fleetInterval) // in fake time
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	r := measured{reads: m.count, fewest: m.parts[0], sources: len(m.reads), gap: m.gap}
	for _, calls := range m.parts {
		r.calls, r.fewest, r.largest = r.calls+calls, min(r.fewest, calls), max(r.largest, calls)
	}
	return r
}

// replica is an engine, and the controller that collects what it is notified of.
type replica struct {
	*Engine
	mu        sync.Mutex
	collected int
}

// newReplica is one that runs until ctx ends.
func newReplica(ctx context.Context, running *sync.WaitGroup, reader Reader) *replica {
	r := &replica{}
	ready := make(chan plan.ID, fleetObjects)
	r.Engine = &Engine{Reader: reader, Notify: func(object plan.ID, _ Priority) { ready <- object }}
	running.Go(func() {
		_ = r.Run(ctx)
		close(ready)
	})
	running.Go(func() {
		for object := range ready {
			if result, state := r.Collect(object); state == Ready && len(result.Values) == 1 {
				r.mu.Lock()
				r.collected++
				r.mu.Unlock()
			}
		}
	})
	return r
}

// given is how many objects the replicas have collected since the last time.
func given(replicas []*replica) (n int) {
	for _, r := range replicas {
		r.mu.Lock()
		n += r.collected
		r.collected = 0
		r.mu.Unlock()
	}
	return n
}

func fleetPlan(i int) *plan.Plan {
	return reads(fmt.Sprintf("ns%d/o%d", i%1000, i), fmt.Sprint("role", i%fleetStores), fmt.Sprint("k", i))
}

// memory is what the process holds.
func memory() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// The objects of a large cluster, over replicas that share them, of which one goes.
func TestSimulation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		m := &meter{start: time.Now(), parts: make([]int, 1), reads: make(map[string]time.Time, fleetObjects)}
		replicas := make([]*replica, fleetReplicas)
		var running sync.WaitGroup
		for i := range replicas {
			replicas[i] = newReplica(ctx, &running, m)
		}
		owner := func(i, among int) *replica {
			return replicas[newPlacement().add(fmt.Sprint(i))%placement(among)]
		}
		before := memory()
		for i := range fleetObjects { // as after a restart: they have their Secrets, and are read in their slots
			owner(i, fleetReplicas).Subscribe(fleetPlan(i), fleetInterval, false)
		}
		for _, when := range []string{"the first interval", "the second one"} {
			expect(t, when, m.interval(), fleetInterval)
		}
		if got := given(replicas); got != fleetObjects {
			t.Errorf("got %d objects that were given values, want each once: %d", got, fleetObjects)
		}
		if perObject := (memory() - before) / fleetObjects; perObject > 2048 {
			t.Errorf("got %d bytes of memory an object, with its source and the meter's note of it, want 2048 at most", perObject)
		} else {
			t.Logf("%d bytes of memory an object", perObject)
		}
		moved := 0
		for i := range fleetObjects {
			if gone := replicas[fleetReplicas-1]; owner(i, fleetReplicas) == gone {
				gone.Unsubscribe(fleetPlan(i).Object)
				owner(i, fleetReplicas-1).Subscribe(fleetPlan(i), fleetInterval, false)
				moved++
			}
		}
		// A source may have been read early at the replica that goes, to fill a batch, and in its slot at the next one.
		expect(t, "after a replica has gone", m.interval(), 2*fleetInterval)
		if got := given(replicas); got != moved {
			t.Errorf("got %d objects that were given values after they had moved, want %d", got, moved)
		}
		expect(t, "the interval after that", m.interval(), fleetInterval)
		cancel()
		running.Wait()
	})
}

// expect checks what was measured in an interval, in which no source may have waited for longer than the gap.
func expect(t *testing.T, when string, got measured, gap time.Duration) {
	t.Helper()
	full, average := fleetObjects/fleetBatch, got.calls/int(fleetInterval/fleetPart)
	t.Logf("%s: %+v", when, got)
	if got.calls > full*11/10 {
		t.Errorf("%s: got %d calls, want %d at most: %d batches would be full", when, got.calls, full*11/10, full)
	}
	if got.sources != fleetObjects || got.reads < fleetObjects || got.reads > fleetObjects*105/100 {
		t.Errorf("%s: got %d reads of %d sources, want each of %d to be read once", when, got.reads, got.sources, fleetObjects)
	}
	if got.fewest < average/4 || got.largest > average*3 {
		t.Errorf("%s: got %d to %d calls in %s, want about %d", when, got.fewest, got.largest, fleetPart, average)
	}
	if got.gap > gap+2*latency {
		t.Errorf("%s: got a source that was not read for %s, want %s at most", when, got.gap, gap)
	}
}
