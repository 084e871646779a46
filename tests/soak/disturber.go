package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/secretgate/secretgate/tests/bench/world"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

// disturber breaks the backend and one replica at random.
type disturber struct {
	world  *world.World
	random *rand.Rand
	victim *lab.Service

	mu                      sync.Mutex
	faults, restarts, kills int
	now                     string // the disturbance
}

func newDisturber(w *world.World, seed uint64, victim *lab.Service) *disturber {
	return &disturber{world: w, random: rand.New(rand.NewPCG(seed, 2)), victim: victim, now: "calm"}
}

// run goes from one disturbance to the next until ctx ends, with calm between.
func (d *disturber) run(ctx context.Context) error {
	for {
		if err := harness.Pause(ctx, d.between(5, 30)); err != nil {
			return err
		}
		var err error
		switch dice := d.random.IntN(10); {
		case dice < 7:
			err = d.breakBackend(ctx)
		case dice < 8:
			d.count(&d.restarts, "restart")
			d.victim.Stop()
			err = d.victim.Start(ctx)
		default:
			d.count(&d.kills, "a replica is dead")
			d.victim.Kill()
			if err = harness.Pause(ctx, d.between(0, 40)); err == nil {
				err = d.victim.Start(ctx)
			}
		}
		if err != nil {
			return err
		}
		d.say("Calm")
	}
}

// breakBackend puts a fault in force for a while.
func (d *disturber) breakBackend(ctx context.Context) error {
	f, length := d.fault(), d.between(5, 45)
	d.count(&d.faults, string(f.Kind))
	faults := d.world.Lab.Clouds.Faults()
	id, err := faults.Add(f)
	if err != nil {
		return err
	}
	paused := harness.Pause(ctx, length)
	if err := faults.Remove(id); err != nil {
		return err
	}
	return paused
}

// fault draws one. Every kind but an outage strikes a part of the calls.
func (d *disturber) fault() fault.Fault {
	kinds := []fault.Kind{fault.Latency, fault.Throttle, fault.Outage, fault.Garbage, fault.Cut}
	f := fault.Fault{Kind: kinds[d.random.IntN(len(kinds))], Fraction: 0.2 + 0.6*d.random.Float64()}
	switch f.Kind {
	case fault.Latency:
		f.Latency = fault.Duration(d.between(0, 3))
	case fault.Throttle:
		f.RetryAfter = fault.Duration(2 * time.Second)
	case fault.Outage:
		f.Fraction = 1
	}
	return f
}

// restore ends what a disturbance may have left when it was cut short. Faults end by themselves.
func (d *disturber) restore(ctx context.Context) error {
	d.say("Calm")
	return d.victim.Start(ctx)
}

// between draws a time of so many seconds, and never none.
func (d *disturber) between(least, most int) time.Duration {
	return time.Duration(least)*time.Second + time.Duration(1+d.random.Int64N(int64(most-least)*int64(time.Second)))
}

func (d *disturber) count(what *int, now string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*what++
	d.now = now
}

func (d *disturber) say(now string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = now
}

func (d *disturber) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Sprintf("faults %d, restarts %d, kills %d, now %s", d.faults, d.restarts, d.kills, d.now)
}
