package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/secretgate/secretgate/tests/bench/measure"
	"github.com/secretgate/secretgate/tests/bench/world"
	"github.com/secretgate/secretgate/tests/harness"
)

const (
	// webhookMemoryLimit are the MiB that the webhook's Deployment grants, of which Go's collector is told nine in ten.
	webhookMemoryLimit = 256
	webhookSoftLimit   = "GOMEMLIMIT=230MiB"
	// The teams of the healthy tenant and of the hostile one.
	healthyTeam, hostileTeam = 0, 1
	// healthyPace is how many applies a second the healthy tenant makes, and volleyPause how long the hostile clients wait for
	// each other before all of them begin again.
	healthyPace = 10
	volleyPause = 2 * time.Second
	// recoveryTime is how long after the end of the hostile load latencies must be back to normal: the API server still works off what
	// it was sent.
	recoveryTime = 10 * time.Second
)

// volley is what many hostile clients send at a time to keep the webhook busy.
type volley struct {
	name    string
	clients int
	object  world.Manifest
	send    func(ctx context.Context, c *crowd) error
}

func volleys() []volley {
	// Keys and properties are nearly as long as the schema permits. What the API server sends has at most as many entries, too.
	large := world.Manifest{Team: hostileTeam, Name: "large", Old: true, Padding: 930, Entries: mostEntries}
	larger := large
	larger.Entries = 2240
	return []volley{
		{"large applies", 20, large, func(ctx context.Context, c *crowd) error { return c.world.Apply(ctx, large, c.body) }},
		{"large posts", 60, larger, func(ctx context.Context, c *crowd) error { return c.judge.Repeat(ctx) }},
	}
}

const (
	appliesFailedName = "applies that failed"
	applyRatioName    = "apply's p95, as a multiple of that at a webhook that permits all"
	applyAfterName    = "apply's p95 ten seconds after the end, as a multiple of that alone"
)

// crowd is one replica of the webhook, a healthy tenant who applies small objects, and a hostile one.
type crowd struct {
	*bench
	world     *world.World
	admission *world.Admission
	judge     *world.Judge
	body      []byte // of the hostile object
	made      int    // objects so far
}

// measureBeside measures the healthy tenant's applies alone, beside volleys, and after their end; and beside volleys while the API server
// asks a webhook that permits all: no other is faster where the API server itself is busy with what was sent.
func (b *bench) measureBeside(ctx context.Context, v volley) error {
	such := world.Options{Webhook: true, NoAudit: true, Env: []string{webhookSoftLimit}}
	return b.inSuch(ctx, "neighbour", such, func(ctx context.Context, w *world.World) error {
		b.say("Neighbour, %s: starting", v.name)
		c := &crowd{bench: b, world: w}
		var err error
		if c.admission, err = w.Admission(ctx); err != nil {
			return err
		}
		defer c.admission.Close()
		if err := w.Teams(ctx, 2); err != nil {
			return err
		}
		if c.judge, err = c.admission.Judge(v.object, v.clients); err != nil {
			return err
		}
		defer c.judge.Close()
		if c.body, err = v.object.JSON(); err != nil {
			return err
		}
		return c.measure(ctx, v)
	})
}

func (c *crowd) measure(ctx context.Context, v volley) error {
	keep := func(name, unit string, value float64) { c.keepAbout(v.name, name, unit, value) }
	if err := c.admission.Switch(ctx, world.Empty); err != nil {
		return err
	}
	empty, err := c.beside(ctx, v)
	if err != nil {
		return err
	}
	if err := c.admission.Switch(ctx, world.Ours); err != nil {
		return err
	}
	unhealthy := watchHealth(ctx, c.world.Lab.Webhook)
	alone, err := c.applies(ctx)
	if err != nil {
		return err
	}
	beside, err := c.beside(ctx, v)
	if err != nil {
		return err
	}
	if err := harness.Pause(ctx, recoveryTime); err != nil {
		return err
	}
	after, err := c.applies(ctx)
	if err != nil {
		return err
	}
	memory, err := measure.MemoryOf(c.world.Lab.Webhook.PID())
	if err != nil {
		return err
	}
	keep("apply's p95, alone", "ms", alone.p95())
	keep("apply's p95, at a webhook that permits all", "ms", empty.p95())
	keep("apply's p95", "ms", beside.p95())
	keep(applyRatioName, "", beside.p95()/empty.p95())
	keep(appliesFailedName, "", float64(c.perInterval()-len(beside.took)))
	keep(applyAfterName, "", after.p95()/alone.p95())
	keep(peakName, "MiB", memory.Peak)
	keep(unhealthyName, "", float64(unhealthy()))
	c.say("  %s: apply's p95 %.0f ms (alone %.0f, permitting all %.0f), %d of %d failed, peak RSS %.0f MiB", v.name,
		beside.p95(), alone.p95(), empty.p95(), c.perInterval()-len(beside.took), c.perInterval(), memory.Peak)
	return nil
}

func (a applied) p95() float64 { return measure.Percentile(measure.Milliseconds(a.took...), 95) }

func (c *crowd) perInterval() int { return int(healthyPace * neighbourInterval.Seconds()) }

// applies are the healthy tenant's: small objects, for one interval.
func (c *crowd) applies(ctx context.Context) (applied, error) {
	manifests := make([]world.Manifest, c.perInterval())
	for i := range manifests {
		c.made++
		manifests[i] = world.Manifest{Team: healthyTeam, Name: fmt.Sprintf("small-%d", c.made), Entries: 10, Old: true}
	}
	return c.paced(ctx, c.world, healthyPace, manifests)
}

// beside is applies while there are volleys. What becomes of those is their senders' trouble.
func (c *crowd) beside(ctx context.Context, v volley) (applied, error) {
	sending, stop := context.WithCancel(ctx)
	var senders sync.WaitGroup
	senders.Go(func() {
		for sending.Err() == nil {
			var all sync.WaitGroup
			for range v.clients {
				all.Go(func() { _ = v.send(sending, c) })
			}
			all.Wait()
			_ = harness.Pause(sending, volleyPause)
		}
	})
	seen, err := c.applies(ctx)
	stop()
	senders.Wait()
	return seen, err
}
