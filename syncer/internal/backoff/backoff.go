// Package backoff is how long to wait after failures in a row, for whatever failed.
package backoff

import "time"

// Step is the wait after the n-th failure in a row, n from 1: the first one, twice as long each time, and the last one at most.
func Step(n int, first, last time.Duration) time.Duration {
	wait := first
	for range n - 1 {
		if wait *= 2; wait >= last {
			return last
		}
	}
	return min(wait, last)
}
