package picture

import (
	"math"
	"strconv"
)

// size is a multiple that a unit is written in.
type size struct {
	times float64
	name  string
}

// units are those of Grafana that our dashboard uses, the largest size first. A value below all of them takes the last.
var units = map[string][]size{
	"s":           {{86400, " days"}, {3600, " h"}, {60, " min"}, {1, " s"}, {1e-3, " ms"}},
	"bytes":       {{1 << 30, " GiB"}, {1 << 20, " MiB"}, {1 << 10, " KiB"}, {1, " B"}},
	"percentunit": {{0.01, "%"}},
	"reqps":       {{1, " req/s"}},
}

// format writes a value in a unit, with the digits that matter.
func format(unit string, v float64) string {
	s := sizeOf(unit, v)
	return digits(v/s.times) + s.name
}

// sizeOf is the size that a value is written in.
func sizeOf(unit string, v float64) size {
	sizes := units[unit]
	if len(sizes) == 0 {
		return size{times: 1}
	}
	for _, s := range sizes {
		if math.Abs(v) >= s.times {
			return s
		}
	}
	return sizes[len(sizes)-1]
}

// digits writes a number with at most three digits that matter, and no zero at its end.
func digits(v float64) string {
	decimals := 0
	switch abs := math.Abs(v); {
	case abs < 10:
		decimals = 2
	case abs < 100:
		decimals = 1
	}
	power := math.Pow(10, float64(decimals))
	return strconv.FormatFloat(math.Round(v*power)/power, 'f', -1, 64)
}
