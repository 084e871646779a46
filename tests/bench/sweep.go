package main

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/secretgate/secretgate/tests/bench/measure"
	"github.com/secretgate/secretgate/tests/bench/world"
	"github.com/secretgate/secretgate/tests/harness"
)

// sweep is what a tenant saw over one interval.
type sweep struct {
	begin                   time.Time
	lateComers, rotatedOnes []step
}

// step is one object that was created, or whose source was rotated: when, and how long after that its Secret was written.
type step struct {
	at   time.Time
	took time.Duration
}

// sweep creates as many objects as the healthy tenant has, and rotates the sources of those that it has, spread over one interval,
// whatever becomes of the ones before.
func (n *neighbourhood) sweep(ctx context.Context, name string) (sweep, error) {
	late := n.healthy("late-" + name)
	if err := n.world.Put(world.SourcesOf(late)...); err != nil {
		return sweep{}, err
	}
	seen := sweep{begin: time.Now(), lateComers: make([]step, len(late)), rotatedOnes: make([]step, len(late))}
	steps, stepsCtx := errgroup.WithContext(ctx)
	for i := range late {
		if err := harness.Pause(stepsCtx, time.Until(seen.begin.Add(time.Duration(i)*neighbourInterval/time.Duration(len(late))))); err != nil {
			break // and Wait says why
		}
		steps.Go(func() (err error) {
			seen.lateComers[i], err = n.step(stepsCtx, late[i], func() error { return n.world.Create(stepsCtx, late[i]) })
			return err
		})
		steps.Go(func() (err error) {
			seen.rotatedOnes[i], err = n.step(stepsCtx, n.objects[i], func() error { return n.world.Put(n.objects[i].Source) })
			return err
		})
	}
	if err := steps.Wait(); err != nil {
		return sweep{}, err
	}
	return seen, n.world.Delete(ctx, late...)
}

// step does something to an object and waits until its Secret was written, or until that is too late to wait for.
func (n *neighbourhood) step(ctx context.Context, o world.Object, do func() error) (step, error) {
	mark := n.world.Secrets.Expect(o)
	if err := do(); err != nil {
		return step{}, err
	}
	took, err := mark.Wait(ctx, lateAtMost-time.Since(mark.Start))
	switch {
	case err == nil:
		return step{mark.Start, took[0]}, nil
	case ctx.Err() != nil:
		return step{}, err
	}
	return step{mark.Start, lateAtMost}, nil
}

// late is the late comers' p95, in seconds; rotation is the rotations'.
func (s sweep) late() float64 { return p95(s.lateComers) }

func (s sweep) rotation() float64 { return p95(s.rotatedOnes) }

func p95(steps []step) float64 {
	took := make([]time.Duration, len(steps))
	for i, step := range steps {
		took[i] = step.took
	}
	return measure.Percentile(measure.Seconds(took...), 95)
}

// normalAfter is how many seconds after the sweep's start the last step ended that took more than twice as long as in another sweep.
func (s sweep) normalAfter(normal sweep) float64 {
	last := 0.0
	slower := func(steps []step, limit float64) {
		for _, step := range steps {
			if step.took.Seconds() > limit {
				last = max(last, step.at.Add(step.took).Sub(s.begin).Seconds())
			}
		}
	}
	slower(s.lateComers, 2*normal.late())
	slower(s.rotatedOnes, 2*normal.rotation())
	return last
}
