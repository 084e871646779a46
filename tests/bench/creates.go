package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/secretgate/secretgate/tests/bench/world"
)

// arm is a kind of create whose latency is compared with that of others.
type arm struct {
	entries     int
	old, judged bool
}

// addName names what the calls add that an object of a form takes. The same manifest is sent with and without webhooks.
func addName(entries int, f form) string {
	return fmt.Sprintf("%d entries, %s: added to the median by %s", entries, f.name, f.calls)
}

// bothAddName names what both calls add to the create of an object as it is stored in the end.
func bothAddName(entries int) string {
	return fmt.Sprintf("%d entries: both calls add to the median of the current form without webhooks", entries)
}

// creates times creates, one at a time, with and without the webhook's configurations, by turns: first without, with, then
// with, without, and so on, so that what else changes meanwhile falls on both.
func (r *admissionRound) creates(ctx context.Context) error {
	took := map[arm][]time.Duration{}
	for i := range r.trials / 3 {
		for _, on := range []bool{i%2 == 1, i%2 == 0} {
			if err := r.admission.Switch(ctx, on); err != nil {
				return err
			}
			if err := r.block(ctx, on, took); err != nil {
				return err
			}
		}
	}
	for _, entries := range entriesPerObject() {
		r.keepCreates(entries, took)
	}
	return nil
}

// block times creates of each size and of both forms by turns.
func (r *admissionRound) block(ctx context.Context, on bool, took map[arm][]time.Duration) error {
	for _, f := range forms() { // connections, and what else the first ones pay for
		if _, err := r.create(ctx, r.manifest(1, f.old)); err != nil {
			return err
		}
	}
	for _, entries := range entriesPerObject() {
		n := r.trials
		if entries > 100 {
			n /= 3
		}
		for range n {
			for _, f := range forms() {
				m := r.manifest(entries, f.old)
				t, err := r.create(ctx, m)
				if err != nil {
					return err
				}
				key := arm{entries, f.old, on}
				took[key] = append(took[key], t)
			}
		}
	}
	return nil
}

func (r *admissionRound) create(ctx context.Context, m world.Manifest) (time.Duration, error) {
	body, err := m.JSON()
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	err = r.world.Client.Do(ctx, http.MethodPost, m.Collection(), world.JSON, body, nil)
	return time.Since(begin), err
}

func (r *admissionRound) keepCreates(entries int, took map[arm][]time.Duration) {
	for _, f := range forms() {
		without, withoutP99 := milliseconds(took[arm{entries, f.old, false}])
		with, withP99 := milliseconds(took[arm{entries, f.old, true}])
		about := fmt.Sprintf("%d entries, %s: create ", entries, f.name)
		r.keep(about+"without webhooks, median", "ms", without)
		r.keep(about+"without webhooks, p99", "ms", withoutP99)
		r.keep(about+"with "+f.calls+", median", "ms", with)
		r.keep(about+"with "+f.calls+", p99", "ms", withP99)
		r.keep(addName(entries, f), "ms", with-without)
		r.say("  creates of %d entries, %s: %.2f ms, with %s %.2f ms", entries, f.name, without, f.calls, with)
	}
	stored, _ := milliseconds(took[arm{entries, false, false}])
	both, _ := milliseconds(took[arm{entries, true, true}])
	r.keep(bothAddName(entries), "ms", both-stored)
}
