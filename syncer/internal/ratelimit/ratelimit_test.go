package ratelimit

import (
	"testing"
	"time"
)

func TestEachKeyHasItsOwnLimit(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	var k Keyed[string]
	for _, step := range []struct {
		name, key string
		after     time.Duration
		want      bool
	}{
		{"the first", "a", 0, true},
		{"the second, of a burst of two", "a", 0, true},
		{"one more", "a", 0, false},
		{"one of another key", "b", 0, true},
		{"after a second", "a", time.Second, true},
		{"no more than one, then", "a", time.Second, false},
	} {
		if got := k.Of(step.key, 1, 2, now.Add(step.after)).AllowN(now.Add(step.after), 1); got != step.want {
			t.Errorf("%s is allowed: got %v, want %v", step.name, got, step.want)
		}
	}
}

func TestWhatLimitsNothingIsForgotten(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	var k Keyed[string]
	k.Of("idle", 1, 2, now).AllowN(now, 1)
	k.Of("slow", 0.001, 2, now).AllowN(now, 1)
	later := now.Add(sweepEvery)
	for key, want := range map[string]bool{"idle": false, "slow": true} {
		if got := k.Has(key, later); got != want {
			t.Errorf("%s is known: got %v, want %v", key, got, want)
		}
	}
	if got := k.Len(); got != 1 {
		t.Errorf("keys: got %d, want 1", got)
	}
}
