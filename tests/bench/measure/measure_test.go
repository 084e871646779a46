package measure

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOneNumberOfMany(t *testing.T) {
	inf := math.Inf(1)
	for name, tc := range map[string]struct{ got, want float64 }{
		"the median of an odd count is the middle one":        {Median([]float64{9, 1, 2}), 2},
		"the median of an even count lies between the two":    {Median([]float64{4, 1, 2, 9}), 3},
		"the 95th percentile of twenty is the nineteenth":     {Percentile([]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}, 95), 19},
		"a percentile of one value is that value":             {Percentile([]float64{7}, 50), 7},
		"the rate leaves out the wait for the first":          {Rate([]time.Duration{10 * time.Second, 11 * time.Second, 12 * time.Second}), 1},
		"durations become milliseconds":                       {Milliseconds(1500 * time.Microsecond)[0], 1.5},
		"processor time is user and system, past an odd name": {must(parseCPU("42 (a) b c) S 1 2 3 4 5 6 7 8 9 10 250 30 0")), 2.8},
		"a percentile of a histogram lies within its bucket":  {Histogram{1: 50, 2: 90, 4: 100, inf: 100}.Percentile(95), 3},
		"what exceeds all bounds is told as the last":         {Histogram{1: 1, 2: 1, inf: 100}.Percentile(99), 2},
		"the first bucket begins at zero":                     {Histogram{4: 100, inf: 100}.Percentile(50), 2},
		"a histogram counts since a reading":                  {Histogram{1: 50, 2: 90, inf: 100}.Since(Histogram{1: 50, 2: 50, inf: 50}).Percentile(50), 1.625},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.got != tc.want {
				t.Errorf("got %v, want %v", tc.got, tc.want)
			}
		})
	}
	if got := Median(nil); !math.IsNaN(got) {
		t.Errorf("the median of nothing is %v", got)
	}
}

func TestParseMemory(t *testing.T) {
	got, err := parseMemory("Name:\tsyncer\nVmHWM:\t    4096 kB\nVmRSS:\t    2048 kB\n")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Memory{RSS: 2, Peak: 4}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := parseMemory("Name:\tzombie\n"); err == nil {
		t.Error("a process without memory was measured")
	}
}

func TestParseHistogram(t *testing.T) {
	const text = `# TYPE took histogram
took_bucket{webhook="a",le="0.5"} 1
took_bucket{webhook="a",le="+Inf"} 3
took_bucket{webhook="b",le="0.5"} 7
took_bucket_other{webhook="a",le="0.5"} 9
took_sum{webhook="a"} 4.5
took_count{webhook="a"} 3
`
	got, err := histogram(text, "took", `webhook="a"`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Histogram{0.5: 1, math.Inf(1): 3}, got); diff != "" {
		t.Error(diff)
	}
	if none := (Histogram{}).Percentile(99); !math.IsNaN(none) {
		t.Errorf("the percentile of nothing is %v", none)
	}
}

func must(f float64, err error) float64 {
	if err != nil {
		panic(err)
	}
	return f
}
