// Package ratelimit limits what many do, each by a rate of its own.
package ratelimit

import (
	"time"

	"golang.org/x/time/rate"
)

const sweepEvery = time.Minute

// Keyed has a limiter for each key that is in use. A limiter that is full again limits nothing, and is forgotten. The zero value is ready
// to use; it must not be used concurrently.
type Keyed[K comparable] struct {
	limiters map[K]*rate.Limiter
	swept    time.Time
}

// Of is the limiter of a key, which is made with this rate and burst where it is new.
func (k *Keyed[K]) Of(key K, every rate.Limit, burst int, now time.Time) *rate.Limiter {
	k.sweep(now)
	if k.limiters == nil {
		k.limiters = map[K]*rate.Limiter{}
	}
	if k.limiters[key] == nil {
		k.limiters[key] = rate.NewLimiter(every, burst)
	}
	return k.limiters[key]
}

// Has reports whether a key has a limiter by now.
func (k *Keyed[K]) Has(key K, now time.Time) bool {
	k.sweep(now)
	return k.limiters[key] != nil
}

// Len is how many keys have one, those of the last minute included.
func (k *Keyed[K]) Len() int { return len(k.limiters) }

// sweep removes limiters that are full again, at most once a minute.
func (k *Keyed[K]) sweep(now time.Time) {
	if now.Sub(k.swept) < sweepEvery {
		return
	}
	k.swept = now
	for key, limiter := range k.limiters {
		if limiter.TokensAt(now) >= float64(limiter.Burst()) {
			delete(k.limiters, key)
		}
	}
}
