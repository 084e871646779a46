package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/secretgate/secretgate/tests/bench/measure"
	"github.com/secretgate/secretgate/tests/bench/world"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
)

// calm measures what can be seen of one syncer at rest, one thing after the other in one world.
func (b *bench) calm(ctx context.Context, n int) error {
	return b.in(ctx, "calm", func(ctx context.Context, w *world.World) error {
		b.say("Calm, %d objects: starting", n)
		objects := world.Distinct("app", n)
		c, err := start(ctx, w, 1, objects)
		if err != nil {
			return err
		}
		if n == b.large {
			b.say("  cold, %d objects: %.0f Secrets a second", n, measure.Rate(c.secrets))
			if err := b.noteCold(n, c); err != nil {
				return err
			}
		}
		if b.wants("steady") {
			if err := b.steady(ctx, w, n, c.syncers); err != nil {
				return err
			}
		}
		if b.wants("late") {
			if err := b.late(ctx, w, n); err != nil {
				return err
			}
		}
		if n == b.large && b.wants("rotation") {
			return b.rotateLarge(ctx, w, objects)
		}
		return nil
	})
}

// steady measures windows of one interval each, after a warm-up of one.
func (b *bench) steady(ctx context.Context, w *world.World, n int, syncers []*lab.Service) error {
	b.say("  steady, %d objects: warming up for %s", n, b.interval)
	if err := harness.Pause(ctx, b.interval); err != nil {
		return err
	}
	rounds := b.rounds
	if n == b.large {
		rounds = 1 // of these, memory alone has a target, and it hardly differs between them
	}
	var windows []window
	for range rounds {
		seen, err := b.watch(ctx, w, syncers)
		if err != nil {
			return err
		}
		windows = append(windows, seen)
		b.say("  steady, %d objects: %d backend calls, %d API requests (%d writes but leases), %.2f CPU s, RSS %.0f MiB",
			n, sum(seen.calls), seen.count(all), seen.count(unasked), seen.cpu, seen.memory[0].RSS)
	}
	for _, seen := range windows {
		b.note("steady", n, 1, "backend calls an interval", "", float64(sum(seen.calls)))
		b.note("steady", n, 1, "API server requests", "", float64(seen.count(all)))
		b.note("steady", n, 1, "API server writes but leases", "", float64(seen.count(unasked)))
		b.note("steady", n, 1, "CPU", "s", seen.cpu)
		b.note("steady", n, 1, "RSS", "MiB", seen.memory[0].RSS)
		b.note("steady", n, 1, "peak RSS since the start", "MiB", seen.memory[0].Peak)
	}
	b.noteParts(n, windows)
	return nil
}

// noteParts breaks calls and requests down; what did not occur in a window counts as 0 there.
func (b *bench) noteParts(n int, windows []window) {
	operations, requests := map[string]bool{}, map[world.Request]bool{}
	for _, seen := range windows {
		for key := range seen.calls {
			operations[key.Operation] = true
		}
		for request := range seen.requests {
			requests[request] = true
		}
	}
	for _, operation := range slices.Sorted(maps.Keys(operations)) {
		for _, seen := range windows {
			b.note("steady", n, 1, "of the calls: "+operation, "", float64(seen.operation(operation)))
		}
	}
	byName := func(x, y world.Request) int {
		return slices.Compare([]string{x.Resource, x.Verb}, []string{y.Resource, y.Verb})
	}
	for _, request := range slices.SortedFunc(maps.Keys(requests), byName) {
		for _, seen := range windows {
			b.note("steady", n, 1, fmt.Sprintf("of the requests: %s %s", request.Verb, request.Resource), "", float64(seen.requests[request]))
		}
	}
}

// window is what happened in one interval.
type window struct {
	calls    map[counter.Key]int
	requests map[world.Request]int
	cpu      float64          // seconds, of all syncers
	memory   []measure.Memory // of each syncer, at the end
}

// watch looks at a window that begins now.
func (b *bench) watch(ctx context.Context, w *world.World, syncers []*lab.Service) (window, error) {
	var seen window
	from, callsBefore := time.Now(), countCalls(w)
	cpuBefore, err := cpu(syncers)
	if err != nil {
		return seen, err
	}
	if err := harness.Pause(ctx, b.interval); err != nil {
		return seen, err
	}
	to, callsAfter := time.Now(), countCalls(w)
	cpuAfter, err := cpu(syncers)
	if err != nil {
		return seen, err
	}
	seen.calls, seen.cpu = difference(callsAfter, callsBefore), cpuAfter-cpuBefore
	if seen.memory, err = memory(syncers); err != nil {
		return seen, err
	}
	seen.requests, err = requests(ctx, w, from, to)
	return seen, err
}

// requests counts the syncers' API server requests between two times of which the later may be now.
func requests(ctx context.Context, w *world.World, from, to time.Time) (map[world.Request]int, error) {
	if err := harness.Pause(ctx, world.AuditSettles-time.Since(to)); err != nil {
		return nil, err
	}
	return w.Audit.Syncers(from, to)
}

func cpu(syncers []*lab.Service) (float64, error) {
	total := 0.0
	for _, s := range syncers {
		used, err := measure.CPU(s.PID())
		if err != nil {
			return 0, fmt.Errorf("%s: %w", s.Name, err)
		}
		total += used
	}
	return total, nil
}

func memory(syncers []*lab.Service) ([]measure.Memory, error) {
	all := make([]measure.Memory, len(syncers))
	for i, s := range syncers {
		var err error
		if all[i], err = measure.MemoryOf(s.PID()); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return all, nil
}

func countCalls(w *world.World) map[counter.Key]int {
	counts := map[counter.Key]int{}
	for _, c := range w.Lab.Clouds.Counters().All() {
		counts[c.Key] = c.Count
	}
	return counts
}

func difference(after, before map[counter.Key]int) map[counter.Key]int {
	made := map[counter.Key]int{}
	for key, n := range after {
		if n > before[key] {
			made[key] = n - before[key]
		}
	}
	return made
}

func sum[Key comparable](counts map[Key]int) int {
	total := 0
	for _, n := range counts {
		total += n
	}
	return total
}

func (seen window) operation(name string) int {
	total := 0
	for key, n := range seen.calls {
		if key.Operation == name {
			total += n
		}
	}
	return total
}

// count adds up the API server requests of a kind.
func (seen window) count(kind func(world.Request) bool) int {
	return countRequests(seen.requests, kind)
}

func countRequests(requests map[world.Request]int, kind func(world.Request) bool) int {
	total := 0
	for request, n := range requests {
		if kind(request) {
			total += n
		}
	}
	return total
}

func all(world.Request) bool { return true }

// unasked are the writes that nothing calls for while nothing changes.
func unasked(r world.Request) bool { return r.Write() && r.Resource != "leases" }

// secretWrites are the writes of Secrets.
func secretWrites(r world.Request) bool { return r.Write() && r.Resource == "secrets" }

// secretReads are reads of Secrets, one by one or by page; a watch is none.
func secretReads(r world.Request) bool {
	return r.Resource == "secrets" && (r.Verb == "get" || r.Verb == "list")
}
