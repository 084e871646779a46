package main

import (
	"context"
	"fmt"
	"time"

	"github.com/secretgate/secretgate/tests/bench/measure"
	"github.com/secretgate/secretgate/tests/bench/world"
	"github.com/secretgate/secretgate/tests/harness"
)

// trial is one late comer: how long after its create was sent, and after that had returned, its Secret existed.
type trial struct{ sent, stored time.Duration }

// late measures late comers in steady state: a set of trials a round, each of which meets refreshes as they fall. With the
// large number of objects one set spreads over a whole interval, so that all of them refresh meanwhile.
func (b *bench) late(ctx context.Context, w *world.World, n int) error {
	rounds, pause := b.rounds, 500*time.Millisecond
	if n == b.large {
		rounds, pause = 1, b.interval/time.Duration(b.trials)
	}
	for i := range rounds {
		objects := world.Distinct(fmt.Sprintf("late-%d", i+1), b.trials)
		trials, err := lateComers(ctx, w, pause, objects)
		if err != nil {
			return err
		}
		b.noteLate(n, "", trials)
	}
	return nil
}

func (b *bench) noteLate(n int, when string, trials []trial) {
	sent, stored := make([]time.Duration, len(trials)), make([]time.Duration, len(trials))
	for i, t := range trials {
		sent[i], stored[i] = t.sent, t.stored
	}
	median, p95 := measure.Median(measure.Milliseconds(sent...)), measure.Percentile(measure.Milliseconds(sent...), 95)
	b.note("late", n, 1, "median"+when, "ms", median)
	b.note("late", n, 1, "p95"+when, "ms", p95)
	b.note("late", n, 1, "median"+when+", from the create's return", "ms", measure.Median(measure.Milliseconds(stored...)))
	b.say("  late comer%s, %d objects: median %.1f ms, p95 %.1f ms", when, n, median, p95)
}

// lateComers creates objects one by one, with a pause between.
func lateComers(ctx context.Context, w *world.World, pause time.Duration, objects []world.Object) ([]trial, error) {
	if err := w.Put(world.SourcesOf(objects)...); err != nil {
		return nil, err
	}
	trials := make([]trial, len(objects))
	for i, o := range objects {
		mark := w.Secrets.Expect(o)
		mark.Start = time.Now()
		if err := w.Create(ctx, o); err != nil {
			return nil, err
		}
		returned := time.Since(mark.Start)
		took, err := mark.Wait(ctx, time.Minute)
		if err != nil {
			return nil, err
		}
		trials[i] = trial{sent: took[0], stored: took[0] - returned}
		if err := harness.Pause(ctx, pause); err != nil {
			return nil, err
		}
	}
	return trials, nil
}
