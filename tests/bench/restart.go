package main

import (
	"context"
	"time"

	"github.com/secretgate/secretgate/tests/bench/world"
	"github.com/secretgate/secretgate/tests/harness"
)

// restart ends the syncer with SIGTERM and starts it anew while nothing changes. What that costs is counted from the signal
// on for one interval, beside the interval before it.
func (b *bench) restart(ctx context.Context) error {
	return b.in(ctx, "restart", func(ctx context.Context, w *world.World) error {
		objects := world.Distinct("app", b.small)
		c, err := start(ctx, w, 1, objects)
		if err != nil {
			return err
		}
		if err := harness.Pause(ctx, b.interval); err != nil {
			return err
		}
		for range b.rounds {
			calm, err := b.watch(ctx, w, c.syncers)
			if err != nil {
				return err
			}
			before, from := calls(w), time.Now()
			c.syncers[0].Stop()
			if err := c.syncers[0].Start(ctx); err != nil {
				return err
			}
			ready := time.Since(from)
			if err := harness.Pause(ctx, b.interval-ready); err != nil {
				return err
			}
			made := calls(w) - before
			asked, err := requests(ctx, w, from, from.Add(b.interval))
			if err != nil {
				return err
			}
			b.note("restart", b.small, 1, "Secret writes", "", float64(countRequests(asked, secretWrites)))
			b.note("restart", b.small, 1, "Secret reads", "", float64(countRequests(asked, secretReads)))
			b.note("restart", b.small, 1, "API server writes but leases", "", float64(countRequests(asked, unasked)))
			b.note("restart", b.small, 1, "backend calls", "", float64(made))
			b.note("restart", b.small, 1, "backend calls of the interval before", "", float64(sum(calm.calls)))
			b.note("restart", b.small, 1, "backend calls more than before", "", float64(made-sum(calm.calls)))
			b.note("restart", b.small, 1, "stopped and ready again", "s", ready.Seconds())
			b.say("  restart, %d objects: %d backend calls (%d without), %d Secret writes",
				b.small, made, sum(calm.calls), countRequests(asked, secretWrites))
		}
		return w.Verify(ctx, objects)
	})
}
