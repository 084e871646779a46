package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/secretgate/secretgate/tests/bench/measure"
	"github.com/secretgate/secretgate/tests/bench/world"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
)

const (
	rateName     = "Secrets a second, after the first"
	bareName     = "bare writer, as wide as the syncer"
	relativeName = "rate relative to the bare writer's"
	perSecond    = "1/s"
)

// wideBare is the other concurrency that the bare writer is tried at.
const wideBare = 64

// maxWait bounds waits for n objects. It is not a target.
func maxWait(n int) time.Duration { return time.Minute + time.Duration(n)*50*time.Millisecond }

// coldStart is what one cold start took.
type coldStart struct {
	secrets  []time.Duration // after the syncers' start, in order
	statuses time.Duration   // until all objects report success
	calls    int             // backend calls until all Secrets existed
	syncers  []*lab.Service
}

// start stores objects and their sources, then starts replicas of the syncer and waits until all is served.
func start(ctx context.Context, w *world.World, replicas int, objects []world.Object) (coldStart, error) {
	var c coldStart
	if err := w.Furnish(ctx, objects...); err != nil {
		return c, err
	}
	for range replicas {
		s, err := w.NewSyncer()
		if err != nil {
			return c, err
		}
		c.syncers = append(c.syncers, s)
	}
	if err := harness.Pause(ctx, time.Second); err != nil { // the API server's own work on what was stored
		return c, err
	}
	before := calls(w)
	mark := w.Secrets.Expect(objects...)
	starting, startCtx := errgroup.WithContext(ctx)
	for _, s := range c.syncers {
		starting.Go(func() error { return s.Start(startCtx) })
	}
	err := starting.Wait()
	if err != nil {
		return c, err
	}
	if c.secrets, err = mark.Wait(ctx, maxWait(len(objects))); err != nil {
		return c, err
	}
	c.calls = calls(w) - before
	reported, err := w.AwaitStatuses(ctx, maxWait(len(objects)), objects)
	if err != nil {
		return c, err
	}
	c.statuses = reported.Sub(mark.Start)
	return c, w.Verify(ctx, objects)
}

// calls are all calls of the clouds so far, logins and failures too.
func calls(w *world.World) int { return w.Lab.Clouds.Counters().Sum(counter.Key{}) }

func (b *bench) coldRounds(ctx context.Context, n, rounds int) error {
	for i := range rounds {
		b.say("Cold, %d objects: round %d of %d", n, i+1, rounds)
		err := b.in(ctx, "cold", func(ctx context.Context, w *world.World) error { return b.coldRound(ctx, w, n) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) coldRound(ctx context.Context, w *world.World, n int) error {
	objects := world.Distinct("app", n)
	c, err := start(ctx, w, 1, objects)
	if err != nil {
		return err
	}
	if err := b.noteCold(n, c); err != nil {
		return err
	}
	c.syncers[0].Stop()
	same, err := bare(ctx, w, objects, b.workers)
	if err != nil {
		return err
	}
	b.note("cold", n, 1, bareName, perSecond, same)
	ours := measure.Rate(c.secrets)
	b.note("cold", n, 1, relativeName, "", ours/same)
	b.say("  %.0f Secrets a second; bare writer %.0f with %d at a time", ours, same, b.workers)
	if n == b.large {
		return nil
	}
	wide, err := bare(ctx, w, objects, wideBare)
	b.note("cold", n, 1, fmt.Sprintf("bare writer, %d at a time", wideBare), perSecond, wide)
	return err
}

func (b *bench) noteCold(n int, c coldStart) error {
	last := slices.Max(c.secrets)
	b.note("cold", n, 1, "all Secrets exist", "s", last.Seconds())
	b.note("cold", n, 1, "the first Secret exists", "s", c.secrets[0].Seconds())
	b.note("cold", n, 1, "all objects report success", "s", c.statuses.Seconds())
	b.note("cold", n, 1, rateName, perSecond, measure.Rate(c.secrets))
	b.note("cold", n, 1, "backend calls", "", float64(c.calls))
	memory, err := measure.MemoryOf(c.syncers[0].PID())
	b.note("cold", n, 1, "peak RSS", "MiB", memory.Peak)
	return err
}
