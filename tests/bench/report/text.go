package report

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Number writes a value with as many digits as matter, and thousands apart.
func Number(v float64) string {
	switch {
	case v == math.Trunc(v) && math.Abs(v) < 1000:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case math.Abs(v) < 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case math.Abs(v) < 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	digits := strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func (t Target) String() string {
	if t.AtLeast {
		return "≥ " + Number(t.Limit)
	}
	return "≤ " + Number(t.Limit)
}

func (r Row) verdict() string {
	switch {
	case r.Met == nil:
		return ""
	case *r.Met:
		return "met"
	}
	return "MISSED"
}

func (r Row) target() string {
	if r.Target == nil {
		return ""
	}
	return r.Target.String()
}

func (r Row) rounds() string {
	told := make([]string, len(r.Rounds))
	for i, v := range r.Rounds {
		told[i] = Number(v)
	}
	return strings.Join(told, " · ")
}

func (r Row) name() string {
	if r.Unit == "" {
		return r.Name
	}
	return r.Name + " [" + r.Unit + "]"
}

// Table prints the rows for people at a terminal.
func Table(w io.Writer, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "scenario\tobjects\treplicas\tmeasure\tmedian\ttarget\t\trounds")
	for _, r := range rows {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n",
			r.Scenario, Number(float64(r.Objects)), r.Replicas, r.name(), Number(r.Median), r.target(), r.verdict(), r.rounds())
	}
	return t.Flush()
}

// Summary counts the targets that were met and names the others.
func Summary(rows []Row) string {
	judged, missed := 0, []string{}
	for _, r := range rows {
		if r.Met == nil {
			continue
		}
		judged++
		if !*r.Met {
			missed = append(missed, fmt.Sprintf("%s at %s: %s is %s, target %s",
				r.Scenario, Number(float64(r.Objects)), r.Name, Number(r.Median), r.target()))
		}
	}
	if judged == 0 {
		return "No target is set for a run of this size."
	}
	text := fmt.Sprintf("%d of %d targets met.", judged-len(missed), judged)
	for _, m := range missed {
		text += "\n- missed: " + m
	}
	return text
}

// notes begins the part of the page that people write and later runs keep.
const notes = "## Notes"

// Page is RESULTS.md. Of the page before it keeps what people wrote under Notes.
func Page(before string, run Run, rows []Row) string {
	var text strings.Builder
	_, _ = fmt.Fprintf(&text, `# Results

Written by `+"`make bench`"+`; README.md says what is measured and how. Values are medians; the last column has each round's.

- %s, commit %s, %s
- %s
- refresh interval %s, %s per backend call, whole run %s

![the main numbers beside those of KES and ESO](results.svg)

%s
`, run.Date.Format("2006-01-02"), run.Commit, run.Machine, run.Versions, run.Interval, run.CallLatency, run.Took, Summary(rows))
	for _, name := range slices.Sorted(maps.Keys(run.Failed)) {
		_, _ = fmt.Fprintf(&text, "- failed: %s: %s\n", name, run.Failed[name])
	}
	scenario := ""
	for _, r := range rows {
		if r.Scenario != scenario {
			scenario = r.Scenario
			_, _ = fmt.Fprintf(&text, "\n## %s\n\n| objects | replicas | measure | median | target | | rounds |\n"+
				"| ---: | ---: | --- | ---: | ---: | --- | --- |\n", scenario)
		}
		_, _ = fmt.Fprintf(&text, "| %s | %d | %s | %s | %s | %s | %s |\n",
			Number(float64(r.Objects)), r.Replicas, r.name(), Number(r.Median), r.target(), r.verdict(), r.rounds())
	}
	text.WriteString("\n" + keptNotes(before))
	return text.String()
}

func keptNotes(before string) string {
	if _, kept, ok := strings.Cut(before, "\n"+notes+"\n"); ok {
		return notes + "\n" + kept
	}
	return notes + "\n\nWhat is below this heading is written by hand and kept by later runs: the cause of each missed target.\n"
}
