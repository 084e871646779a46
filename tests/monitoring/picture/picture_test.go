package picture

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const small = `{"title": "A & B", "panels": [
  {"type": "row", "title": "First", "gridPos": {"h": 1, "w": 24, "x": 0, "y": 0}},
  {"type": "stat", "title": "Failing", "gridPos": {"h": 4, "w": 4, "x": 0, "y": 1}, "targets": [{"expr": "failing", "instant": true}],
   "fieldConfig": {"defaults": {"unit": "short", "thresholds": {"steps": [{"color": "green", "value": null}, {"color": "red", "value": 1}]}}}},
  {"type": "timeseries", "title": "Calls", "gridPos": {"h": 8, "w": 12, "x": 4, "y": 1}, "targets": [{"expr": "calls", "legendFormat": "{{code}} of {{ backend }}"}],
   "fieldConfig": {"defaults": {"unit": "reqps", "custom": {"stacking": {"mode": "normal"}}}}},
  {"type": "table", "title": "Objects", "gridPos": {"h": 6, "w": 8, "x": 16, "y": 1}, "targets": [{"expr": "objects", "instant": true}],
   "transformations": [{"id": "organize", "options": {"excludeByName": {"Value": true, "job": true}}}]}
]}`

func answers(_ context.Context, expr string, _ bool) ([]Series, error) {
	switch expr {
	case "failing":
		return []Series{{Points: []Point{{10, 2}}}}, nil
	case "calls":
		return []Series{
			{Labels: map[string]string{"code": "ok", "backend": "vault"}, Points: []Point{{0, 1}, {10, 2}}},
			{Labels: map[string]string{"code": "denied", "backend": "vault"}, Points: []Point{{0, 1}, {10, 1}}},
		}, nil
	case "objects":
		return []Series{{Labels: map[string]string{"namespace": "team", "name": "db", "job": "syncer"}, Points: []Point{{10, 1}}}}, nil
	}
	return nil, errors.New("no such expression")
}

func TestADashboardIsDrawnAsItStands(t *testing.T) {
	d, err := Read([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Fill(t.Context(), answers); err != nil {
		t.Fatal(err)
	}
	svg := d.SVG()
	for decoder := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		"A &amp; B</text>", "▾ First</text>",
		`<rect class="card" x="12" y="62" width="170" height="82" rx="3"/>`, `class="v red" x="97" y="124" text-anchor="middle">2</text>`,
		"ok of vault</text>", "denied of vault</text>", "4 req/s</text>", `fill-opacity=".35"`,
		">namespace</text>", ">team</text>", ">db</text>",
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("got no %s in\n%s", want, svg)
		}
	}
	for _, not := range []string{"No data", ">syncer</text>"} {
		if strings.Contains(svg, not) {
			t.Errorf("got %s, want it without", not)
		}
	}
}

func TestAPanelWithoutDataSaysSo(t *testing.T) {
	d, err := Read([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(d.SVG(), "No data"); got != 3 {
		t.Errorf("got %d panels without data, want the 3 that show some", got)
	}
}

func TestFormat(t *testing.T) {
	cases := []struct {
		name, unit string
		value      float64
		want       string
	}{
		{"days", "s", 2592000, "30 days"},
		{"a part of an hour", "s", 5400, "1.5 h"},
		{"seconds", "s", 2.345, "2.35 s"},
		{"milliseconds", "s", 0.0123, "12.3 ms"},
		{"no time", "s", 0, "0 ms"},
		{"memory", "bytes", 70 * 1024 * 1024, "70 MiB"},
		{"a share", "percentunit", 0.5, "50%"},
		{"a rate below one", "reqps", 0.25, "0.25 req/s"},
		{"a plain number", "short", 42, "42"},
		{"a number of many digits", "short", 123.456, "123"},
		{"an unknown unit", "furlong", 1.5, "1.5"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := format(c.unit, c.value); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestStackAddsUpAtEachTime(t *testing.T) {
	got := stack([]Series{{Points: []Point{{1, 1}, {2, 2}}}, {Points: []Point{{2, 3}}}})
	want := []Series{{Points: []Point{{1, 1}, {2, 2}}}, {Points: []Point{{2, 5}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stacked (-want +got):\n%s", diff)
	}
}

func TestAxisEndsWithAPlainNumber(t *testing.T) {
	cases := []struct {
		name, unit string
		top        float64
		want       string
	}{
		{"nothing", "short", 0, "1"},
		{"a part of one", "short", 0.3, "0.4"},
		{"one", "short", 1, "1"},
		{"seven", "short", 7, "8"},
		{"nine", "short", 9, "10"},
		{"no time", "s", 0, "1 ms"},
		{"two minutes and some seconds", "s", 128, "4 min"},
		{"a year", "s", 365 * 86400, "400 days"},
		{"memory", "bytes", 65 * 1024 * 1024, "80 MiB"},
		{"all", "percentunit", 1, "100%"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := format(c.unit, axisEnd(c.unit, c.top)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestALegendHasTwoLinesAtMost(t *testing.T) {
	name := strings.Repeat("x", 10) // 84 wide
	got := legend([]Series{{Name: name}, {Name: name}, {Name: name}, {Name: name}, {Name: name}}, 170)
	want := []entry{{name, 0, 0}, {name, 0, 84}, {name, 1, 0}, {name, 1, 84}, {"", 1, 0}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(entry{})); diff != "" {
		t.Errorf("legend (-want +got):\n%s", diff)
	}
}
