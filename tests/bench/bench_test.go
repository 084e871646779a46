package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/tests/bench/report"
)

func TestEveryTargetIsOfAScenario(t *testing.T) {
	known := map[string]bool{}
	for _, name := range scenarios() {
		known[name] = true
	}
	for key := range targets() {
		if !known[key.Scenario] {
			t.Errorf("%+v is of no scenario", key)
		}
	}
}

func TestOthersAreDrawnOnlyBesideTheSameWork(t *testing.T) {
	for name, tc := range map[string]struct {
		objects int
		want    []string
	}{
		"at the size that they were measured at": {1000, []string{"Secretgate", "ESO", "KES"}},
		"at another size":                        {200, []string{"Secretgate"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := &bench{options: options{small: tc.objects, interval: time.Minute}, results: &report.Results{}}
			b.note("steady", tc.objects, 1, "backend calls an interval", "", 50)
			var got []string
			panels := b.chart(time.Time{}).Panels
			for _, bar := range panels[0].Bars {
				got = append(got, bar.Label)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || len(panels) != 1 {
				t.Errorf("%d panels; %s", len(panels), diff)
			}
		})
	}
}

// The numbers and their drawing are both in git.
func TestTheDrawingIsOfTheResults(t *testing.T) {
	text, err := os.ReadFile("results.json")
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	if err := os.WriteFile(filepath.Join(out, "results.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"--redraw", "--out", out}); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(out, "results.svg"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("results.svg")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("results.svg is not of results.json: go run ./bench --redraw (-want +got):\n%s", diff)
	}
}

func TestDeriveComparesMedians(t *testing.T) {
	b := &bench{options: options{small: 1000, large: 10000}, results: &report.Results{Targets: targets(), Scenarios: scenarios()}}
	b.note("cold", 1000, 1, rateName, perSecond, 500)
	b.note("cold", 10000, 1, rateName, perSecond, 450)
	b.note("replicas", 1000, 1, distinctName, "", 50)
	b.note("replicas", 1000, 2, distinctName, "", 70)
	b.derive()
	met := map[string]bool{}
	for _, row := range b.results.Rows() {
		if row.Met != nil {
			met[row.Name] = *row.Met
		}
	}
	if diff := cmp.Diff(map[string]bool{scaleName: true, ratioName: false}, met); diff != "" {
		t.Error(diff)
	}
}

func TestSizesOfARun(t *testing.T) {
	for name, tc := range map[string]struct {
		args         []string
		small, large int
		fails        bool
	}{
		"both by default":                {nil, 1000, 10000, false},
		"one number leaves out large":    {[]string{"--objects=300"}, 300, 0, false},
		"quick is small":                 {[]string{"--quick"}, 200, 0, false},
		"too few":                        {[]string{"--objects=5"}, 0, 0, true},
		"no number":                      {[]string{"--objects=many"}, 0, 0, true},
		"an unknown scenario":            {[]string{"--scenario=cold,hot"}, 0, 0, true},
		"an argument that is no flag":    {[]string{"cold"}, 0, 0, true},
		"no rounds make no medians":      {[]string{"--rounds=0"}, 0, 0, true},
		"a flag that there is not":       {[]string{"--objets=10"}, 0, 0, true},
		"three numbers are one too many": {[]string{"--objects=10,20,30"}, 0, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := parse(tc.args)
			if (err != nil) != tc.fails {
				t.Fatalf("error %v, want one: %v", err, tc.fails)
			}
			if err == nil && (o.small != tc.small || o.large != tc.large) {
				t.Errorf("%d and %d objects, want %d and %d", o.small, o.large, tc.small, tc.large)
			}
		})
	}
}
