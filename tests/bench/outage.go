package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/tests/bench/world"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

// newcomers are created while the backend is down.
const newcomers = 20

// outageRound takes the backend away under load: objects come due, new ones are created, and all sources rotate behind the
// syncer's back, so that a Secret which has followed proves that its object recovered.
func (b *bench) outageRound(ctx context.Context) error {
	return b.in(ctx, "outage", func(ctx context.Context, w *world.World) error {
		objects, late := world.Distinct("app", b.small), world.Distinct("new", newcomers)
		if _, err := start(ctx, w, 1, objects); err != nil {
			return err
		}
		if err := harness.Pause(ctx, b.interval); err != nil {
			return err
		}
		everybody := append(append([]world.Object{}, objects...), late...)
		intact, callsBefore := w.Secrets.Versions(), calls(w)
		mark := w.Secrets.Expect(everybody...)
		id, err := w.Lab.Clouds.Faults().Add(fault.Fault{Kind: fault.Outage})
		if err != nil {
			return err
		}
		begin := time.Now()
		if err := b.load(ctx, w, everybody, late); err != nil {
			return err
		}
		if err := harness.Pause(ctx, b.outage-time.Since(begin)); err != nil {
			return err
		}
		made, touched := calls(w)-callsBefore, changed(intact, w.Secrets.Versions())
		b.recovering.Lock()
		defer b.recovering.Unlock()
		if err := w.Lab.Clouds.Faults().Remove(id); err != nil {
			return err
		}
		mark.Start = time.Now()
		took, err := mark.Wait(ctx, 2*b.interval+maxWait(len(everybody)))
		if err != nil {
			return err
		}
		reported, err := w.AwaitStatuses(ctx, 2*b.interval+maxWait(len(everybody)), everybody)
		if err != nil {
			return err
		}
		last := took[len(took)-1].Seconds()
		b.note("outage", b.small, 1, "backend calls while it is down", "", float64(made))
		b.note("outage", b.small, 1, "Secrets touched while it is down", "", float64(touched))
		b.note("outage", b.small, 1, "all Secrets are right again, after its end", "s", last)
		b.note("outage", b.small, 1, "all objects report success, after its end", "s", reported.Sub(mark.Start).Seconds())
		b.say("  outage, %d objects: %d calls, %d Secrets touched, recovered after %.1f s", b.small, made, touched, last)
		return w.Verify(ctx, everybody)
	})
}

// load creates the newcomers over half of the outage, then rotates everything.
func (b *bench) load(ctx context.Context, w *world.World, everybody, late []world.Object) error {
	for _, o := range late {
		if err := w.Create(ctx, o); err != nil {
			return fmt.Errorf("creating objects in the outage: %w", err)
		}
		if err := harness.Pause(ctx, b.outage/2/newcomers); err != nil {
			return err
		}
	}
	return w.Put(world.SourcesOf(everybody)...)
}

// changed counts the Secrets that are not the ones they were: written, deleted or new.
func changed(before, after map[types.NamespacedName]string) int {
	n := 0
	for name, version := range before {
		if after[name] != version {
			n++
		}
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			n++
		}
	}
	return n
}
