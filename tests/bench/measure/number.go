package measure

import (
	"math"
	"slices"
	"time"
)

// Median is the middle value, or the mean of the two middle ones; NaN of nothing.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Percentile is the smallest value that so many percent of the values do not exceed (nearest rank); NaN of nothing.
func Percentile(values []float64, percent float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(percent / 100 * float64(len(sorted))))
	return sorted[max(rank, 1)-1]
}

// Milliseconds and Seconds make numbers of durations.
func Milliseconds(durations ...time.Duration) []float64 { return in(time.Millisecond, durations) }

// Seconds is Milliseconds in seconds.
func Seconds(durations ...time.Duration) []float64 { return in(time.Second, durations) }

func in(unit time.Duration, durations []time.Duration) []float64 {
	values := make([]float64, len(durations))
	for i, d := range durations {
		values[i] = float64(d) / float64(unit)
	}
	return values
}

// Rate is how many a second came after the first, of things that came so long after a start, in order; NaN of fewer than two.
func Rate(at []time.Duration) float64 {
	if len(at) < 2 {
		return math.NaN()
	}
	return float64(len(at)-1) / (at[len(at)-1] - at[0]).Seconds()
}
