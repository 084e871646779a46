package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/secretgate/secretgate/tests/bench/measure"
)

// memory judges whether a process grows: by the medians of windows, since garbage collection makes single values swing.
type memory struct {
	window  []float64 // samples, MiB
	medians []float64 // of the windows that are closed
}

// growth is how much the last window may lie above the second, and slack how many MiB on top. The first is the start's.
const growth, slack = 1.10, 8.0

// add takes a sample.
func (m *memory) add(rss float64) { m.window = append(m.window, rss) }

// closeWindow ends a window. One without samples is none.
func (m *memory) closeWindow() {
	if len(m.window) > 0 {
		m.medians = append(m.medians, measure.Median(m.window))
	}
	m.window = nil
}

// judge says what is wrong.
func (m *memory) judge() error {
	if len(m.medians) < 3 {
		return nil // too short a run to tell
	}
	second, last := m.medians[1], m.medians[len(m.medians)-1]
	if last > second*growth+slack {
		return errors.New("memory grows: " + m.String())
	}
	return nil
}

func (m memory) String() string {
	told := make([]string, len(m.medians))
	for i, median := range m.medians {
		told[i] = fmt.Sprintf("%.0f", median)
	}
	text := "median RSS between checkpoints " + strings.Join(told, ", ") + " MiB"
	if len(told) < 3 {
		text += " (three windows are needed to judge)"
	}
	return text
}
