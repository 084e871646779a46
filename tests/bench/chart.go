package main

import (
	"fmt"
	"math"
	"time"

	"github.com/secretgate/secretgate/tests/bench/report"
)

// others are what KES and ESO reach at 1,000 objects with two entries each from one source of their own, an interval of 60 s
// and 20 ms a call, measured on a machine like this.
type others struct{ kes, eso float64 }

// chart draws the main numbers beside those of others. What was not measured is left out.
func (b *bench) chart() report.Chart {
	c := report.Chart{
		Title: fmt.Sprintf("%s objects, each with a source of its own, refreshed every %.0f s",
			report.Number(float64(b.small)), b.interval.Seconds()),
		Source: "20 ms per backend call, two cores.",
	}
	compare := b.small == 1000 && b.interval == time.Minute
	if compare {
		c.Source += " KES 8.5.5 and ESO 2.9 (10 workers, raised QPS) did the same work on such a machine."
	}
	add := func(title string, key report.Key, beside others) {
		key.Objects, key.Replicas = b.small, 1
		ours := b.results.Median(key)
		if math.IsNaN(ours) {
			return
		}
		bars := []report.Bar{{Label: "Secretgate", Value: ours, Ours: true}}
		if compare {
			bars = append(bars, report.Bar{Label: "ESO", Value: beside.eso}, report.Bar{Label: "KES", Value: beside.kes})
		}
		c.Panels = append(c.Panels, report.Panel{Title: title, Bars: bars})
	}
	add("Backend calls a minute (less is better)", report.Key{Scenario: "steady", Name: "backend calls an interval"}, others{1860, 1000})
	add("API server requests a minute (less is better)", report.Key{Scenario: "steady", Name: "API server requests"}, others{4680, 3000})
	add("CPU seconds a minute (less is better)", report.Key{Scenario: "steady", Name: "CPU", Unit: "s"}, others{6.7, 3.1})
	add("Backend calls in a 2 min outage (less is better)",
		report.Key{Scenario: "outage", Name: "backend calls while it is down"}, others{16480, 933})
	// KES reached 276 to 450; the better end is drawn.
	add("Cold start: Secrets a second (more is better)", report.Key{Scenario: "cold", Name: rateName, Unit: perSecond}, others{450, 95})
	add("Cold start: backend calls (less is better)", report.Key{Scenario: "cold", Name: "backend calls"}, others{2000, 1000})
	add("Cold start: peak memory, MiB (less is better)", report.Key{Scenario: "cold", Name: "peak RSS", Unit: "MiB"}, others{413, 194})
	add("New object to Secret: p95, ms (less is better)", report.Key{Scenario: "late", Name: "p95", Unit: "ms"}, others{472, 37})
	return c
}
