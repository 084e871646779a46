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

// pace is how many applies a second there are.
const pace = 200

func atPace(what string) string { return fmt.Sprintf("at %d applies a second: %s", pace, what) }

func handlerName(webhook string) string { return atPace("the " + webhook + " handler's own p99") }

// applies has manifests of ten entries applied at a pace, whether or not the ones before have returned. All are of the deprecated
// form, so that both handlers work for each, and each is applied twice: a create, then an update that reads other keys.
func (r *admissionRound) applies(ctx context.Context) error {
	if err := r.admission.Switch(ctx, world.Ours); err != nil {
		return err
	}
	n := int(pace * (r.interval / 3).Seconds())
	manifests := make([]world.Manifest, n)
	for i := range n / 2 {
		manifests[i] = r.manifest(10, true)
		manifests[n/2+i] = manifests[i]
		manifests[n/2+i].Version = 1
	}
	before, err := r.handlers(ctx)
	if err != nil {
		return err
	}
	seen, err := r.paced(ctx, r.world, pace, manifests)
	if err != nil {
		return err
	}
	after, err := r.handlers(ctx)
	if err != nil {
		return err
	}
	median, p99 := milliseconds(seen.took)
	r.keep(atPace("applies sent"), perSecond, seen.rate)
	r.keep(atPace("applies that failed"), "", float64(n-len(seen.took)))
	r.keep(atPace("apply, median"), "ms", median)
	r.keep(atPace("apply, p99"), "ms", p99)
	for i, h := range after {
		own := h.own.Since(before[i].own)
		if own.Count() < float64(len(seen.took)) {
			return fmt.Errorf("the %s handler reports %.0f calls at %d applies", h.webhook, own.Count(), len(seen.took))
		}
		handled := 1000 * own.Percentile(99)
		whole := 1000 * (h.seconds - before[i].seconds) / (h.requests - before[i].requests)
		r.keep(handlerName(h.webhook), "ms", handled)
		r.keep(atPace("the "+h.webhook+" webhook's requests, decoding and encoding included, mean"), "ms", whole)
		r.say("  at %.0f applies a second: %s handler's p99 %.2f ms, whole requests %.2f ms on average", seen.rate, h.webhook, handled, whole)
	}
	return nil
}

// applied is what became of paced applies.
type applied struct {
	took []time.Duration // those that succeeded
	rate float64         // how many were sent a second
}

// paced applies one manifest after the other, so many a second, each at its time. Failed applies are counted, and the first is reported.
func (b *bench) paced(ctx context.Context, w *world.World, pace int, manifests []world.Manifest) (applied, error) {
	var mu sync.Mutex
	var seen applied
	var telling sync.Once
	var applying sync.WaitGroup
	defer applying.Wait()
	begin := time.Now()
	for i, m := range manifests {
		body, err := m.JSON()
		if err == nil {
			err = harness.Pause(ctx, time.Until(begin.Add(time.Duration(i)*time.Second/time.Duration(pace))))
		}
		if err != nil {
			return applied{}, err
		}
		applying.Go(func() {
			from := time.Now()
			err := w.Apply(ctx, m, body)
			took := time.Since(from)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				seen.took = append(seen.took, took)
			} else if ctx.Err() == nil {
				telling.Do(func() { b.say("  an apply failed: %v", err) })
			}
		})
	}
	seen.rate = float64(len(manifests)-1) / time.Since(begin).Seconds()
	applying.Wait()
	return seen, context.Cause(ctx)
}

// handler is what the webhook reports about one of its handlers.
type handler struct {
	webhook           string
	own               measure.Histogram
	seconds, requests float64 // of whole requests
}

func (r *admissionRound) handlers(ctx context.Context) ([]handler, error) {
	address := r.world.Lab.Webhook.MetricsAddress
	handlers := []handler{{webhook: "mutating"}, {webhook: "validating"}}
	for i, path := range []string{"/mutate", "/validate"} {
		h := &handlers[i]
		var err error
		if h.own, err = measure.HistogramOf(ctx, address, handlerMetric, webhookLabel(h.webhook)); err != nil {
			return nil, err
		}
		const requests = "controller_runtime_webhook_latency_seconds"
		if h.seconds, _, err = harness.Metric(ctx, address, requests+"_sum", webhookLabel(path)); err != nil {
			return nil, err
		}
		if h.requests, _, err = harness.Metric(ctx, address, requests+"_count", webhookLabel(path)); err != nil {
			return nil, err
		}
	}
	return handlers, nil
}
