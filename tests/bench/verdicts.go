package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/secretgate/secretgate/tests/bench/measure"
	"github.com/secretgate/secretgate/tests/bench/world"
)

// askers is how many ask a replica at a time, over a connection each.
const askers = 8

// verdicts asks the replica itself, as fast as it answers.
func (r *admissionRound) verdicts(ctx context.Context) error {
	for _, entries := range entriesPerObject() {
		judge, err := r.admission.Judge(world.Manifest{Name: "asked", Entries: entries}, askers)
		if err != nil {
			return err
		}
		err = r.ask(ctx, judge, entries)
		judge.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *admissionRound) ask(ctx context.Context, judge *world.Judge, entries int) error {
	pid := r.world.Lab.Webhook.PID()
	used, err := measure.CPU(pid)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var took []time.Duration
	asking, asked := errgroup.WithContext(ctx)
	begin := time.Now()
	length := r.interval / 12
	for i := range askers {
		asking.Go(func() error {
			var mine []time.Duration
			for team := i; time.Since(begin) < length; team = (team + askers) % r.teams {
				from := time.Now()
				if err := judge.Ask(asked, team); err != nil {
					return err
				}
				mine = append(mine, time.Since(from))
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
			return nil
		})
	}
	if err := asking.Wait(); err != nil {
		return err
	}
	elapsed := time.Since(begin)
	now, err := measure.CPU(pid)
	if err != nil {
		return err
	}
	rate, n := float64(len(took))/elapsed.Seconds(), float64(len(took))
	median, p99 := milliseconds(took)
	about := fmt.Sprintf("%d entries: ", entries)
	r.keep(about+"verdicts a second", perSecond, rate)
	r.keep(about+"verdict, median", "ms", median)
	r.keep(about+"verdict, p99", "ms", p99)
	r.keep(about+"webhook's CPU a verdict", "ms", 1000*(now-used)/n)
	r.say("  verdicts on %d entries: %.0f a second, median %.2f ms, p99 %.2f ms", entries, rate, median, p99)
	return nil
}
