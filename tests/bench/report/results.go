// Package report keeps the numbers of a benchmark run and shows them: as a table, JSON, a page and a drawing.
package report

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/secretgate/secretgate/tests/bench/measure"
)

// Key names one measured thing.
type Key struct {
	Scenario string `json:"scenario"`
	Objects  int    `json:"objects"`
	Replicas int    `json:"replicas"`
	Name     string `json:"name"`
	Unit     string `json:"unit,omitempty"`
}

// Target is what a median is to reach.
type Target struct {
	AtLeast bool    `json:"atLeast"` // otherwise: at most
	Limit   float64 `json:"limit"`
}

// Met judges a value.
func (t Target) Met(value float64) bool {
	if t.AtLeast {
		return value >= t.Limit
	}
	return value <= t.Limit
}

// Row is a thing with its value in each round.
type Row struct {
	Key
	Rounds []float64 `json:"rounds"`
	Median float64   `json:"median"`
	Target *Target   `json:"target,omitempty"`
	Met    *bool     `json:"met,omitempty"`
}

// Run says what was measured, where and when.
type Run struct {
	Date        time.Time         `json:"date"`
	Commit      string            `json:"commit"`
	Machine     string            `json:"machine"`
	Versions    string            `json:"versions"`
	Interval    string            `json:"interval"`
	CallLatency string            `json:"callLatency"`
	Took        string            `json:"took"`
	Failed      map[string]string `json:"failed,omitempty"` // scenario: why it has no numbers
}

// Results collects values from scenarios that may run beside each other.
type Results struct {
	Targets map[Key]Target
	// Scenarios is the order to show them in.
	Scenarios []string

	mu     sync.Mutex
	order  []Key
	values map[Key][]float64
}

// Add notes the value of one round. A value that could not be had (NaN) is left out.
func (r *Results) Add(key Key, value float64) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.values == nil {
		r.values = map[Key][]float64{}
	}
	if _, ok := r.values[key]; !ok {
		r.order = append(r.order, key)
	}
	r.values[key] = append(r.values[key], value)
}

// Median of what was added so far; NaN if nothing was.
func (r *Results) Median(key Key) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return measure.Median(r.values[key])
}

// Rows are all things, by scenario, size, and then as they came.
func (r *Results) Rows() []Row {
	r.mu.Lock()
	defer r.mu.Unlock()
	rows := make([]Row, 0, len(r.order))
	for _, key := range r.order {
		row := Row{Key: key, Rounds: r.values[key], Median: measure.Median(r.values[key])}
		if target, ok := r.Targets[key]; ok {
			met := target.Met(row.Median)
			row.Target, row.Met = &target, &met
		}
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(
			cmp.Compare(slices.Index(r.Scenarios, a.Scenario), slices.Index(r.Scenarios, b.Scenario)),
			cmp.Compare(a.Objects, b.Objects), cmp.Compare(a.Replicas, b.Replicas))
	})
	return rows
}

// JSON is everything, for programs.
func JSON(run Run, rows []Row) ([]byte, error) {
	text, err := json.MarshalIndent(struct {
		Run
		Rows []Row `json:"results"`
	}{run, rows}, "", "  ")
	return append(text, '\n'), err
}

// Read is the reverse of JSON.
func Read(text []byte) (Run, *Results, error) {
	var file struct {
		Run
		Rows []Row `json:"results"`
	}
	err := json.Unmarshal(text, &file)
	results := &Results{}
	for _, row := range file.Rows {
		for _, value := range row.Rounds {
			results.Add(row.Key, value)
		}
	}
	return file.Run, results, err
}
