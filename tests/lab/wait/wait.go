// Package wait is how tests wait for what other processes do.
package wait

import (
	"testing"
	"time"
)

// Until repeats a check until it has nothing to say. After patience what it says fails the test.
func Until(t *testing.T, patience time.Duration, check func() error) {
	t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(200*time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("not within %s: %v", patience, err)
		case <-tick.C:
		}
	}
}
