package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/secretgate/secretgate/tests/bench/measure"
	"github.com/secretgate/secretgate/tests/bench/world"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

const (
	// healthyObjects is how many objects the healthy tenant of a whole run has; they are refreshed at neighbourInterval, the least
	// that the syncer grants.
	healthyObjects    = 20
	neighbourInterval = 10 * time.Second
	// lateAtMost is how late what has not come counts as; it is not waited for any longer.
	lateAtMost = time.Minute
	// hostile is the namespace of the hostile tenant, who has rights on nothing but the ExternalSecrets there.
	hostile = "hostile"
	// memoryLimit are the MiB that the syncer's Deployment grants, of which Go's collector is told nine in ten.
	memoryLimit = 512
	softLimit   = "GOMEMLIMIT=460MiB"
)

// disturbance is what the hostile tenant does.
type disturbance struct {
	name string
	// prepare stores the hostile objects and what they read.
	prepare func(ctx context.Context, n *neighbourhood) error
	// act is what goes on while the healthy tenant is measured; nil: what is stored is enough.
	act func(ctx context.Context, n *neighbourhood) error
}

func disturbances() []disturbance {
	return []disturbance{
		{"repeated members", storeRepeatedMembers, nil},
		{"roles that hang", storeHangingRoles, nil},
		{"large values", storeLargeValues, nil},
		{"edits", storeEdited, edit},
	}
}

// neighbourhood is one syncer that serves a healthy tenant and a hostile one.
type neighbourhood struct {
	*bench
	world   *world.World
	syncer  *lab.Service
	objects []world.Object // the healthy tenant's
	about   string
}

func (b *bench) neighbours() []stage {
	serves := []string{"neighbour"}
	var stages []stage
	for _, d := range disturbances() {
		stages = append(stages, stage{d.name, serves, func(ctx context.Context) error {
			return b.neighbourhood(ctx, d.name, func(ctx context.Context, n *neighbourhood) error { return n.disturb(ctx, d) })
		}})
	}
	for _, v := range volleys() {
		stages = append(stages, stage{v.name, serves, func(ctx context.Context) error { return b.measureBeside(ctx, v) }})
	}
	return append(stages, stage{retryAfterName, serves, func(ctx context.Context) error {
		return b.neighbourhood(ctx, retryAfterName, retryAfter)
	}})
}

// healthy are so many objects of the healthy tenant.
func (b *bench) healthy(name string) []world.Object {
	objects := world.Distinct(name, min(healthyObjects, b.trials))
	for i := range objects {
		objects[i].Namespace = world.NamespaceName(0)
	}
	return objects
}

// neighbourhood does a piece of work in a world where a syncer has served the healthy tenant for an interval.
func (b *bench) neighbourhood(ctx context.Context, about string, work func(context.Context, *neighbourhood) error) error {
	such := world.Options{Interval: neighbourInterval, NoAudit: true, Env: []string{softLimit}}
	return b.inSuch(ctx, "neighbour", such, func(ctx context.Context, w *world.World) error {
		b.say("Neighbour, %s: starting", about)
		n := &neighbourhood{bench: b, world: w, objects: b.healthy("app"), about: about}
		c, err := start(ctx, w, 1, n.objects)
		if err != nil {
			return err
		}
		n.syncer = c.syncers[0]
		if err := harness.Pause(ctx, neighbourInterval); err != nil {
			return err
		}
		if err := work(ctx, n); err != nil {
			return err
		}
		if _, err := w.AwaitStatuses(ctx, lateAtMost, n.objects); err != nil {
			return err
		}
		return w.Verify(ctx, n.objects)
	})
}

func (n *neighbourhood) keep(name, unit string, value float64) {
	n.keepAbout(n.about, name, unit, value)
}

func (b *bench) keepAbout(about, name, unit string, value float64) {
	b.note("neighbour", min(healthyObjects, b.trials), 1, about+": "+name, unit, value)
}

const (
	lateRatioName     = "late comer's p95, as a multiple of that alone"
	rotationRatioName = "rotation's p95, as a multiple of that alone"
	peakName          = "peak RSS"
	unhealthyName     = "answers of /healthz that were not ok"
	normalName        = "all is as it was alone, after the hostile objects' end"
)

// disturb measures the healthy tenant alone, beside the hostile one, and after that one's end.
func (n *neighbourhood) disturb(ctx context.Context, d disturbance) error {
	unhealthy := watchHealth(ctx, n.syncer)
	alone, err := n.sweep(ctx, "alone")
	if err != nil {
		return err
	}
	if err := n.world.CreateNamespace(ctx, hostile); err != nil {
		return err
	}
	if err := d.prepare(ctx, n); err != nil {
		return err
	}
	beside, err := n.beside(ctx, d)
	if err != nil {
		return err
	}
	if err := n.world.DeleteAll(ctx, hostile); err != nil {
		return err
	}
	after, err := n.sweep(ctx, "after")
	if err != nil {
		return err
	}
	memory, err := measure.MemoryOf(n.syncer.PID())
	if err != nil {
		return err
	}
	n.keep("late comer's p95, alone", "ms", 1000*alone.late())
	n.keep("late comer's p95", "ms", 1000*beside.late())
	n.keep(lateRatioName, "", beside.late()/alone.late())
	n.keep("rotation's p95, alone", "s", alone.rotation())
	n.keep("rotation's p95", "s", beside.rotation())
	n.keep(rotationRatioName, "", beside.rotation()/alone.rotation())
	n.keep(peakName, "MiB", memory.Peak)
	n.keep(unhealthyName, "", float64(unhealthy()))
	n.keep(normalName, "s", after.normalAfter(alone))
	n.say("  %s: late comer's p95 %.0f ms (alone %.0f), rotation's %.1f s (%.1f), peak RSS %.0f MiB, normal after %.1f s", n.about,
		1000*beside.late(), 1000*alone.late(), beside.rotation(), alone.rotation(), memory.Peak, after.normalAfter(alone))
	return nil
}

// beside measures the healthy tenant while the hostile one acts.
func (n *neighbourhood) beside(ctx context.Context, d disturbance) (sweep, error) {
	var seen sweep
	both, bothCtx := errgroup.WithContext(ctx)
	if d.act != nil {
		both.Go(func() error { return d.act(bothCtx, n) })
	}
	both.Go(func() (err error) {
		seen, err = n.sweep(bothCtx, "beside")
		return err
	})
	return seen, both.Wait()
}

// watchHealth asks a service for its health twice a second, as patiently as the kubelet does. The function that it returns ends
// that, and answers how often it was not well.
func watchHealth(ctx context.Context, s *lab.Service) (unhealthy func() int) {
	ctx, stop := context.WithCancel(ctx)
	counted := make(chan int)
	go func() {
		failed := 0
		for harness.Pause(ctx, 500*time.Millisecond) == nil {
			asking, done := context.WithTimeout(ctx, 5*time.Second)
			if _, err := lab.Get(asking, fmt.Sprintf("http://%s/healthz", s.HealthAddress)); err != nil && ctx.Err() == nil {
				failed++
			}
			done()
		}
		counted <- failed
	}()
	return func() int {
		stop()
		return <-counted
	}
}
