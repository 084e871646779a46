package main

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/secretgate/secretgate/tests/bench/measure"
	"github.com/secretgate/secretgate/tests/bench/world"
)

// rotation changes all sources at once, in a world of its own.
func (b *bench) rotation(ctx context.Context) error {
	return b.in(ctx, "rotation", func(ctx context.Context, w *world.World) error {
		objects := world.Distinct("app", b.small)
		if _, err := start(ctx, w, 1, objects); err != nil {
			return err
		}
		for range b.rounds {
			if err := b.rotate(ctx, w, objects); err != nil {
				return err
			}
		}
		return nil
	})
}

// rotate changes all sources and waits until every Secret has followed. A value is read at its next slot, so the last one
// follows after one interval, and what it takes to catch up with the writes.
func (b *bench) rotate(ctx context.Context, w *world.World, objects []world.Object) error {
	n, before := len(objects), calls(w)
	mark, err := w.Rotate(objects...)
	if err != nil {
		return err
	}
	took, err := mark.Wait(ctx, 2*b.interval+maxWait(n))
	if err != nil {
		return err
	}
	made := calls(w) - before
	if err := w.Verify(ctx, objects); err != nil {
		return err
	}
	followed := measure.Seconds(took...)
	b.note("rotation", n, 1, "all Secrets follow", "s", followed[n-1])
	b.note("rotation", n, 1, "half of them follow", "s", measure.Median(followed))
	b.note("rotation", n, 1, "backend calls", "", float64(made))
	b.say("  rotation, %d objects: all follow after %.1f s", n, followed[n-1])
	return nil
}

// rotateLarge is one rotation of many objects, with late comers in its midst.
func (b *bench) rotateLarge(ctx context.Context, w *world.World, objects []world.Object) error {
	var trials []trial
	both, bothCtx := errgroup.WithContext(ctx)
	both.Go(func() error { return b.rotate(bothCtx, w, objects) })
	if b.wants("late") {
		both.Go(func() (err error) {
			trials, err = lateComers(bothCtx, w, b.interval/time.Duration(2*b.trials), world.Distinct("storm", b.trials))
			return err
		})
	}
	if err := both.Wait(); err != nil {
		return err
	}
	if b.wants("late") {
		b.noteLate(len(objects), " while all rotate", trials)
	}
	return nil
}
