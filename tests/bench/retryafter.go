package main

import (
	"context"
	"fmt"
	"time"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

const (
	retryAfterName = "Retry-After of an hour"
	readAgainName  = "the backend is read again, after its one 503"
	// silence is how long the backend is waited for: twice as long as it may be left alone.
	silence = 2 * time.Minute
)

// retryAfter has a backend fail a single call, and ask to be left alone for an hour: any tenant who shares it may be the one
// whose call that is.
func retryAfter(ctx context.Context, n *neighbourhood) error {
	answered := counter.Key{Service: "secretsmanager", Code: "OK"}
	faults, counts := n.world.Lab.Clouds.Faults(), n.world.Lab.Clouds.Counters()
	id, err := faults.Add(fault.Fault{
		Kind: fault.Outage, Service: "secretsmanager", Count: 1, RetryAfter: fault.Duration(time.Hour),
	})
	if err != nil {
		return err
	}
	for spent := false; !spent; spent = !inForce(faults, id) {
		if err := harness.Pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	recovered, before := time.Now(), counts.Sum(answered)
	mark, err := n.world.Rotate(n.objects...)
	if err != nil {
		return err
	}
	for counts.Sum(answered) == before && time.Since(recovered) < silence {
		if err := harness.Pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	again := time.Since(recovered)
	n.keep(readAgainName, "s", again.Seconds())
	n.say("  %s: read again after %.1f s", n.about, again.Seconds())
	if again >= silence {
		return fmt.Errorf("the backend was not read again within %s of one 503", silence)
	}
	_, err = mark.Wait(ctx, lateAtMost)
	return err
}

func inForce(faults *fault.Set, id string) bool {
	for _, f := range faults.List() {
		if f.ID == id {
			return true
		}
	}
	return false
}
