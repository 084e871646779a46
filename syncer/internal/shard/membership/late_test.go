package membership

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// late delivers each event of a watch some time after it happened, in order.
type late struct {
	watch.Interface
	results chan watch.Event
}

func newLate(ctx context.Context, inner watch.Interface, delay func() time.Duration) late {
	type delivery struct {
		event watch.Event
		at    time.Time
	}
	l, deliveries := late{inner, make(chan watch.Event)}, make(chan delivery, 1000)
	go func() {
		defer close(deliveries)
		for event := range inner.ResultChan() {
			deliveries <- delivery{event, time.Now().Add(delay())}
		}
	}()
	go func() {
		defer close(l.results)
		for d := range deliveries {
			pause(ctx, time.Until(d.at))
			select {
			case <-ctx.Done():
			case l.results <- d.event:
			}
		}
	}()
	return l
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (l late) ResultChan() <-chan watch.Event { return l.results }

// Watch is that of an API server that is slow, if the cable is.
func (c *cable) Watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	inner, err := c.Leases.Watch(ctx, options)
	if err != nil || c.delay == nil {
		return inner, err
	}
	return newLate(ctx, inner, c.delay), nil
}
