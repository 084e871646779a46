// Package picture draws a Grafana dashboard as it stands, for pages that show it: panels at their places, with their titles and
// units, and what a Prometheus answers to their queries. It draws rows, stats, time series and tables, as far as ours uses them.
package picture

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// Dashboard is what is drawn of a dashboard.
type Dashboard struct {
	Title  string  `json:"title"`
	Panels []Panel `json:"panels"`
}

// Panel is one panel, on a grid of 24 columns.
type Panel struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	GridPos struct{ H, W, X, Y int }
	Targets []struct {
		Expr         string `json:"expr"`
		LegendFormat string `json:"legendFormat"`
		Instant      bool   `json:"instant"`
	} `json:"targets"`
	FieldConfig struct {
		Defaults struct {
			Unit       string `json:"unit"`
			Thresholds struct {
				Steps []threshold `json:"steps"`
			} `json:"thresholds"`
			Custom struct {
				Stacking struct {
					Mode string `json:"mode"`
				} `json:"stacking"`
			} `json:"custom"`
		} `json:"defaults"`
	} `json:"fieldConfig"`
	Transformations []transformation `json:"transformations"`

	series []Series
}

type transformation struct {
	Options struct {
		ExcludeByName map[string]bool `json:"excludeByName"`
	} `json:"options"`
}

// threshold is the colour of values from Value on; nil: of all below.
type threshold struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"`
}

// Read reads a dashboard's JSON.
func Read(text []byte) (Dashboard, error) {
	var d Dashboard
	err := json.Unmarshal(text, &d)
	return d, err
}

// Series is what Prometheus answers: points in order of time, one of them for an instant.
type Series struct {
	Name   string // in the legend
	Labels map[string]string
	Points []Point
}

// Point is a value at a time in seconds.
type Point struct{ Time, Value float64 }

// Query evaluates an expression, now or over the time that is drawn.
type Query func(ctx context.Context, expr string, instant bool) ([]Series, error)

// Fill has each panel filled with what its queries answer.
func (d *Dashboard) Fill(ctx context.Context, query Query) error {
	for i := range d.Panels {
		p := &d.Panels[i]
		p.series = nil
		for _, target := range p.Targets {
			series, err := query(ctx, target.Expr, target.Instant)
			if err != nil {
				return err
			}
			for _, s := range series {
				s.Name = name(target.LegendFormat, s.Labels)
				p.series = append(p.series, s)
			}
		}
		slices.SortStableFunc(p.series, func(a, b Series) int { return strings.Compare(a.Name, b.Name) })
	}
	return nil
}

var placeholder = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

// name fills in a legend.
func name(legend string, labels map[string]string) string {
	return placeholder.ReplaceAllStringFunc(legend, func(found string) string {
		return labels[placeholder.FindStringSubmatch(found)[1]]
	})
}

// columns are the labels that a table shows.
func (p Panel) columns() []string {
	var all []string
	for _, s := range p.series {
		for label := range s.Labels {
			hidden := slices.ContainsFunc(p.Transformations, func(t transformation) bool { return t.Options.ExcludeByName[label] })
			if !hidden && !slices.Contains(all, label) {
				all = append(all, label)
			}
		}
	}
	slices.Sort(all)
	return all
}
