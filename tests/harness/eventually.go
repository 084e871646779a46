package harness

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// Timeout bounds every wait without a limit of its own. It is long, for loaded machines.
const Timeout = 3 * time.Minute

// interval is the time between two checks where nothing else is said.
const interval = 200 * time.Millisecond

// Poll repeats a check until it passes. The zero value is patient.
type Poll struct {
	// Limit is when to give up; 0 means Timeout.
	Limit time.Duration
	// Every is the time between two checks; 0 means a fifth of a second.
	Every time.Duration
}

// Until repeats a check until it returns nil. After the limit it returns what the check said last, and the cause of the context's
// end when that comes first. The time between two checks begins when the first one is done, since some are a load of their own.
func (p Poll) Until(ctx context.Context, check func() error) error {
	if p.Limit == 0 {
		p.Limit = Timeout
	}
	if p.Every == 0 {
		p.Every = interval
	}
	for deadline := time.Now().Add(p.Limit); ; {
		err := check()
		if err == nil {
			return nil
		}
		if !time.Now().Before(deadline) {
			return fmt.Errorf("not within %s: %w", p.Limit, err)
		}
		if err := Pause(ctx, p.Every); err != nil {
			return err
		}
	}
}

// Eventually waits until a check returns nil, also when the test cleans up. After Timeout, its error fails the test.
func Eventually(t testing.TB, check func() error) {
	t.Helper()
	if err := (Poll{}).Until(context.WithoutCancel(t.Context()), check); err != nil {
		t.Fatal(err)
	}
}

// Pause waits for a time, or until the context ends, and then returns its cause.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
