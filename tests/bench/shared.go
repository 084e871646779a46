package main

import (
	"context"

	"github.com/secretgate/secretgate/tests/bench/world"
	"github.com/secretgate/secretgate/tests/harness"
)

// shared has all objects read one source, which rotates at the beginning of each window.
func (b *bench) shared(ctx context.Context) error {
	return b.in(ctx, "shared", func(ctx context.Context, w *world.World) error {
		objects := world.Shared("app", b.small)
		c, err := start(ctx, w, 1, objects)
		if err != nil {
			return err
		}
		b.note("shared", b.small, 1, "backend calls of the cold start", "", float64(c.calls))
		if err := harness.Pause(ctx, b.interval); err != nil {
			return err
		}
		for range b.rounds {
			mark, err := w.Rotate(objects...)
			if err != nil {
				return err
			}
			seen, err := b.watch(ctx, w, c.syncers)
			if err != nil {
				return err
			}
			took, err := mark.Wait(ctx, b.interval+maxWait(b.small))
			if err != nil {
				return err
			}
			if err := w.Verify(ctx, objects); err != nil {
				return err
			}
			last := took[len(took)-1].Seconds()
			b.note("shared", b.small, 1, "backend calls an interval", "", float64(sum(seen.calls)))
			b.note("shared", b.small, 1, "a rotation is in all Secrets", "s", last)
			b.say("  shared, %d objects: %d calls, rotation in all after %.1f s", b.small, sum(seen.calls), last)
		}
		return nil
	})
}
