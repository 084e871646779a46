package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/secretgate/secretgate/tests/bench/measure"
	"github.com/secretgate/secretgate/tests/bench/world"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
)

// trial is one run.
type trial struct {
	options
	world *world.World
	// steady runs from the beginning to the last checkpoint: its memory is judged. unlucky is restarted and killed.
	steady, unlucky *lab.Service
	editor          *editor
	disturber       *disturber
	memory          memory
	begin, told     time.Time // told: when the last line was
}

// soak is the whole run in a world that stands.
func soak(ctx context.Context, w *world.World, o options) error {
	t := &trial{options: o, world: w, begin: time.Now(), told: time.Now(), editor: newEditor(w, o.seed, o.objects)}
	if err := t.start(ctx); err != nil {
		return err
	}
	for end := time.Now().Add(o.duration); time.Now().Before(end); {
		if err := t.disturbed(ctx, min(o.checkpoint, time.Until(end))); err != nil {
			return err
		}
		if err := t.checkpoint(ctx); err != nil {
			return err
		}
		t.memory.closeWindow()
	}
	if err := t.memory.judge(); err != nil {
		return err
	}
	t.say("Memory is flat: %s", t.memory)
	return t.handOver(ctx)
}

// start stores the objects and starts both replicas.
func (t *trial) start(ctx context.Context) error {
	if err := t.world.Furnish(ctx, t.editor.objects...); err != nil {
		return err
	}
	for _, s := range []**lab.Service{&t.steady, &t.unlucky} {
		var err error
		if *s, err = t.world.NewSyncer(); err != nil {
			return err
		}
		if err := (*s).Start(ctx); err != nil {
			return err
		}
	}
	t.disturber = newDisturber(t.world, t.seed, t.unlucky)
	t.say("%d objects are stored, two replicas run", len(t.editor.objects))
	return t.converge(ctx, nil)
}

// disturbed lets the random hand loose for a while.
func (t *trial) disturbed(ctx context.Context, d time.Duration) error {
	over := errors.New("over")
	during, cancel := context.WithTimeoutCause(ctx, d, over)
	defer cancel()
	group, during := errgroup.WithContext(during)
	group.Go(func() error { return t.editor.run(during, t.rate) })
	group.Go(func() error { return t.disturber.run(during) })
	group.Go(func() error { return t.watch(during) })
	err := group.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil && !errors.Is(err, over) {
		return err
	}
	return t.disturber.restore(ctx)
}

// watch samples memory and prints a line a minute.
func (t *trial) watch(ctx context.Context) error {
	const sample = 5 * time.Second
	for {
		if err := harness.Pause(ctx, sample); err != nil {
			return err
		}
		m, err := measure.MemoryOf(t.steady.PID())
		if err != nil {
			return fmt.Errorf("%s has ended by itself: %w: see %s", t.steady.Name, err, t.steady.LogFile())
		}
		t.memory.add(m.RSS)
		if time.Since(t.told) >= time.Minute {
			t.told = time.Now()
			if err := t.line(ctx, m.RSS); err != nil {
				return err
			}
		}
	}
}

// line says how things stand. The heap is the size at which the next collection begins: what is alive, plus GOGC percent.
func (t *trial) line(ctx context.Context, rss float64) error {
	heap, _, err := harness.Metric(ctx, t.steady.MetricsAddress, "go_memstats_next_gc_bytes")
	if err != nil {
		return err
	}
	routines, _, err := harness.Metric(ctx, t.steady.MetricsAddress, "go_goroutines")
	if err != nil {
		return err
	}
	other := "down"
	if m, err := measure.MemoryOf(t.unlucky.PID()); err == nil {
		other = fmt.Sprintf("%.0f", m.RSS)
	}
	t.say("%s; %s; %d backend calls; RSS %.0f and %s MiB, the first one's heap %.0f MiB, %.0f goroutines",
		t.editor, t.disturber, t.world.Lab.Clouds.Counters().Sum(counter.Key{}), rss, other, heap/(1<<20), routines)
	return nil
}

func (t *trial) say(format string, args ...any) {
	fmt.Printf("%7s  %s\n", time.Since(t.begin).Round(time.Second), fmt.Sprintf(format, args...))
}
