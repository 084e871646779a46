package report

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	calls = Key{Scenario: "steady", Objects: 1000, Replicas: 1, Name: "backend calls"}
	rate  = Key{Scenario: "cold", Objects: 1000, Replicas: 1, Name: "rate", Unit: "1/s"}
)

func collected() *Results {
	r := &Results{
		Scenarios: []string{"cold", "steady"},
		Targets:   map[Key]Target{calls: {Limit: 55}, rate: {AtLeast: true, Limit: 400}},
	}
	for _, v := range []float64{70, 50, 52} {
		r.Add(calls, v)
	}
	r.Add(rate, 350)
	r.Add(rate, math.NaN())
	return r
}

func TestRowsAreJudgedByTheirMediansInTheOrderOfScenarios(t *testing.T) {
	yes, no := true, false
	want := []Row{
		{Key: rate, Rounds: []float64{350}, Median: 350, Target: &Target{AtLeast: true, Limit: 400}, Met: &no},
		{Key: calls, Rounds: []float64{70, 50, 52}, Median: 52, Target: &Target{Limit: 55}, Met: &yes},
	}
	if diff := cmp.Diff(want, collected().Rows()); diff != "" {
		t.Error(diff)
	}
}

func TestSummaryNamesWhatWasMissed(t *testing.T) {
	want := "1 of 2 targets met.\n- missed: cold at 1,000: rate is 350, target ≥ 400"
	if diff := cmp.Diff(want, Summary(collected().Rows())); diff != "" {
		t.Error(diff)
	}
}

func TestNumbersHaveTheDigitsThatMatter(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 7: "7", 0.254: "0.25", 31.96: "32.0", 612.4: "612", 1000: "1,000", 16480: "16,480", -1234567: "-1,234,567"} {
		if got := Number(v); got != want {
			t.Errorf("%v is written %q, want %q", v, got, want)
		}
	}
}

func TestAPageKeepsTheNotesOfTheOneBefore(t *testing.T) {
	run := Run{Date: time.Unix(0, 0).UTC(), Failed: map[string]string{"outage": "the lab broke"}}
	first := Page("", run, collected().Rows())
	const cause = "The disk was slow.\n"
	upToNotes, _, _ := strings.Cut(first, notes)
	second := Page(upToNotes+notes+"\n\n"+cause, run, collected().Rows())
	if !strings.HasSuffix(second, "\n"+notes+"\n\n"+cause) {
		t.Errorf("the notes are gone:\n%s", second)
	}
	for _, want := range []string{"| 1,000 | 1 | backend calls | 52 | ≤ 55 | met | 70 · 50 · 52 |", "- failed: outage: the lab broke", "## cold"} {
		if !strings.Contains(second, want) {
			t.Errorf("the page lacks %q:\n%s", want, second)
		}
	}
}

func TestADrawingIsWellFormedAndLongestBarsFillTheRoom(t *testing.T) {
	drawn := SVG(Chart{Title: "a < b", Panels: []Panel{
		{Title: "calls", Bars: []Bar{{Label: "ours", Value: 50, Ours: true}, {Label: "theirs", Value: 100}}},
		{Title: "nothing", Bars: []Bar{{Label: "ours"}}},
	}})
	decoder := xml.NewDecoder(strings.NewReader(drawn))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{`width="95.0"`, `width="190.0"`, `class="ours"`, "a &lt; b"} {
		if !strings.Contains(drawn, want) {
			t.Errorf("the drawing lacks %s", want)
		}
	}
}

func TestAWidePanelHasARowOfItsOwn(t *testing.T) {
	narrow, wide := Panel{}, Panel{Wide: true}
	cases := []struct {
		name   string
		panels []Panel
		want   []place
		rows   int
	}{
		{"two fit in a row", []Panel{narrow, narrow, narrow}, []place{{0, 0}, {0, 1}, {1, 0}}, 2},
		{"a wide one between pairs", []Panel{narrow, narrow, wide, narrow}, []place{{0, 0}, {0, 1}, {1, 0}, {2, 0}}, 3},
		{"a wide one leaves the rest of a row empty", []Panel{narrow, wide}, []place{{0, 0}, {1, 0}}, 2},
		{"nothing", nil, nil, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, rows := places(c.panels)
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(place{})); diff != "" || rows != c.rows {
				t.Errorf("got %d rows, want %d; places (-want +got):\n%s", rows, c.rows, diff)
			}
		})
	}
}

func TestABarShowsItsPartAndNote(t *testing.T) {
	drawn := SVG(Chart{Panels: []Panel{{Wide: true, Bars: []Bar{{Label: "ours", Value: 10, Part: 4, Note: "first after 4 s", Ours: true}}}}})
	for _, want := range []string{`class="ours part" x="112.0" y="80" width="120.0"`, `class="ours" x="232" y="80" width="180.0"`, "first after 4 s"} {
		if !strings.Contains(drawn, want) {
			t.Errorf("got no %s in %s", want, drawn)
		}
	}
}

func TestReadIsTheReverseOfJSON(t *testing.T) {
	run := Run{Date: time.Unix(0, 0).UTC(), Commit: "abc"}
	text, err := JSON(run, collected().Rows())
	if err != nil {
		t.Fatal(err)
	}
	got, results, err := Read(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(run, got); diff != "" || results.Median(calls) != 52 {
		t.Errorf("got a median of %v, want 52; run (-want +got):\n%s", results.Median(calls), diff)
	}
}
