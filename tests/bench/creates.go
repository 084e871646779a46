package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/secretgate/secretgate/tests/bench/world"
	"github.com/secretgate/secretgate/tests/harness"
)

// arm is a kind of create whose latency is compared with that of others.
type arm struct {
	entries int
	old     bool
	asked   world.Webhook
}

// addName names what the calls add that an object of a form takes. The same manifest is sent with and without webhooks.
func addName(entries int, f form) string {
	return fmt.Sprintf("%d entries, %s: added to the median by %s", entries, f.name, f.calls)
}

// bothAddName names what both calls add to the create of an object as it is stored in the end.
func bothAddName(entries int) string {
	return fmt.Sprintf("%d entries: both calls add to the median of the current form without webhooks", entries)
}

// emptyAddName names what as many calls of a webhook add that permits all: the API server's part.
func emptyAddName(entries int, f form) string {
	return fmt.Sprintf("%d entries, %s: added to the median by %s of a webhook that permits all", entries, f.name, f.calls)
}

// creates times creates, one at a time, with no webhook, a webhook that permits all, and ours, by turns: forth, back, and
// so on, so that what else changes meanwhile falls on all of them.
func (r *admissionRound) creates(ctx context.Context) error {
	took := map[arm][]time.Duration{}
	for i := range r.trials / 3 {
		turns := []world.Webhook{world.None, world.Empty, world.Ours}
		if i%2 == 1 {
			slices.Reverse(turns)
		}
		for _, asked := range turns {
			if err := r.admission.Switch(ctx, asked); err != nil {
				return err
			}
			if err := r.block(ctx, asked, took); err != nil {
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
func (r *admissionRound) block(ctx context.Context, asked world.Webhook, took map[arm][]time.Duration) error {
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
				key := arm{entries, f.old, asked}
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
	err = r.world.Client.Do(ctx, http.MethodPost, m.Collection(), harness.JSON, body, nil)
	return time.Since(begin), err
}

func (r *admissionRound) keepCreates(entries int, took map[arm][]time.Duration) {
	for _, f := range forms() {
		about := fmt.Sprintf("%d entries, %s: create ", entries, f.name)
		median := map[world.Webhook]float64{}
		for asked, how := range map[world.Webhook]string{
			world.None: "without webhooks", world.Empty: "with " + f.calls + " of a webhook that permits all", world.Ours: "with " + f.calls,
		} {
			m, p99 := milliseconds(took[arm{entries, f.old, asked}])
			r.keep(about+how+", median", "ms", m)
			r.keep(about+how+", p99", "ms", p99)
			median[asked] = m
		}
		r.keep(addName(entries, f), "ms", median[world.Ours]-median[world.None])
		r.keep(emptyAddName(entries, f), "ms", median[world.Empty]-median[world.None])
		r.say("  creates of %d entries, %s: %.2f ms, with %s %.2f ms, of a webhook that permits all %.2f ms",
			entries, f.name, median[world.None], f.calls, median[world.Ours], median[world.Empty])
	}
	stored, _ := milliseconds(took[arm{entries, false, world.None}])
	both, _ := milliseconds(took[arm{entries, true, world.Ours}])
	r.keep(bothAddName(entries), "ms", both-stored)
}
