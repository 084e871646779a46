package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/secretgate/secretgate/tests/bench/report"
)

// others are what KES and ESO reach with the same work: othersMethod says how that was measured. Where runs of theirs differ, it is
// the better one.
type others struct{ kes, eso float64 }

// othersMethod is how and when others were measured, and what Secretgate reached beside them.
var othersMethod = []string{
	"KES 8.5.5 (Node 14, defaults) and ESO 2.9.0 (10 workers, 500 QPS): the better of their runs on two cores, 2026-11-30,",
	"each with a fresh etcd and kube-apiserver 1.36.3. Secretgate in that hour: cold start 4.6 to 6.0 s (the first Secret after",
	"0.5 s, then 189 to 259 a second), all right 9.3 s after the outage. KES reads all objects before it writes the first Secret;",
	"the 202 to 369 a second that follow are a burst, at whose end not all statuses are written.",
}

// chart draws the main numbers, measured on a day, beside those of others. What was not measured is left out.
func (b *bench) chart(day time.Time) report.Chart {
	c := report.Chart{
		Title: fmt.Sprintf("%s objects, each with a source of its own, refreshed every %.0f s",
			report.Number(float64(b.small)), b.interval.Seconds()),
		Source: []string{fmt.Sprintf("Secretgate: medians of make bench, two cores, 20 ms per backend call, %s.", day.Format(time.DateOnly))},
	}
	compare := b.small == 1000 && b.interval == time.Minute
	if compare {
		c.Source = append(c.Source, othersMethod...)
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
	add("Backend calls a minute (less is better)", report.Key{Scenario: "steady", Name: "backend calls an interval"}, others{1709, 999})
	add("API server requests a minute (less is better)", report.Key{Scenario: "steady", Name: "API server requests"}, others{4720, 2998})
	add("CPU seconds a minute (less is better)", report.Key{Scenario: "steady", Name: "CPU", Unit: "s"}, others{10, 4.8})
	add("New object to Secret: p95, ms (less is better)", report.Key{Scenario: "late", Name: "p95", Unit: "ms"}, others{1303, 49})
	add("Backend calls in a 2 min outage (less is better)",
		report.Key{Scenario: "outage", Name: "backend calls while it is down"}, others{16480, 995})
	add("After it: all right again, s (less is better)",
		report.Key{Scenario: "outage", Name: "all Secrets are right again, after its end", Unit: "s"}, others{59.6, 13.3})
	b.addColdStart(&c, compare)
	add("Cold start: backend calls (less is better)", report.Key{Scenario: "cold", Name: "backend calls"}, others{2000, 1000})
	add("Cold start: peak memory, MiB (less is better)", report.Key{Scenario: "cold", Name: "peak RSS", Unit: "MiB"}, others{353, 151})
	return c
}

// addColdStart draws what users wait for, and what that consists of.
func (b *bench) addColdStart(c *report.Chart, compare bool) {
	median := func(name, unit string) float64 {
		return b.results.Median(report.Key{Scenario: "cold", Objects: b.small, Replicas: 1, Name: name, Unit: unit})
	}
	bar := func(label string, last, first, rate float64) report.Bar {
		note := fmt.Sprintf("first after %s s, then %.0f a second", report.Number(first), rate)
		return report.Bar{Label: label, Value: last, Part: first, Note: note}
	}
	ours := bar("Secretgate", median("all Secrets exist", "s"), median("the first Secret exists", "s"), median(rateName, perSecond))
	if math.IsNaN(ours.Value) {
		return
	}
	ours.Ours = true
	bars := []report.Bar{ours}
	if compare {
		bars = append(bars, bar("ESO", 17.8, 2.5, 66), bar("KES", 13, 10, 369))
	}
	c.Panels = append(c.Panels, report.Panel{
		Title: "Cold start: seconds to the last Secret, pale until the first (less is better)", Wide: true, Bars: bars,
	})
}

// redraw draws results.svg anew from results.json, without a measurement.
func (b *bench) redraw() error {
	text, err := os.ReadFile(filepath.Join(b.out, "results.json"))
	if err != nil {
		return err
	}
	run, results, err := report.Read(text)
	if err != nil {
		return err
	}
	b.results = results
	return os.WriteFile(filepath.Join(b.out, "results.svg"), []byte(report.SVG(b.chart(run.Date))), 0o600)
}
