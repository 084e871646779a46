// Package reference keeps kustomize/docs/reference.md in sync with the code. Only tests import it: a TestReference in each package
// that knows a part of the page. With UPDATE_REFERENCE set they write their part, else they compare it.
package reference

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/secretgate/secretgate/shared/settings"
)

// Update writes text into the part of the page between the marks of a name, or returns an error if the part differs.
func Update(name, text string) error {
	page, err := find(filepath.Join("kustomize", "docs", "reference.md"))
	if err != nil {
		return err
	}
	content, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	begin, end := "<!-- "+name+": generated -->\n", "<!-- end of "+name+" -->\n"
	before, rest, marked := strings.Cut(string(content), begin)
	present, after, ended := strings.Cut(rest, end)
	text = "\n" + strings.TrimSpace(text) + "\n\n"
	switch {
	case !marked || !ended:
		return fmt.Errorf("%s lacks the marks %q and %q", page, begin, end)
	case present == text:
		return nil
	case os.Getenv("UPDATE_REFERENCE") == "":
		return fmt.Errorf("%s is stale: run make generate-reference", page)
	}
	return os.WriteFile(page, []byte(before+begin+text+end+after), 0o644) //nolint:gosec // as git has it
}

// find looks for a file of the checkout, from the test's working directory upwards.
func find(name string) (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		path := filepath.Join(folder, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if folder == filepath.Dir(folder) {
			return "", errors.New("there is no " + name + " above the working directory")
		}
		folder = filepath.Dir(folder)
	}
}

// Table writes rows as Markdown.
func Table(columns []string, rows [][]string) string {
	var text strings.Builder
	line := func(cells []string) { _, _ = fmt.Fprintf(&text, "| %s |\n", strings.Join(cells, " | ")) }
	line(columns)
	line(slices.Repeat([]string{"---"}, len(columns)))
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = strings.ReplaceAll(cell, "|", `\|`)
		}
		line(cells)
	}
	return text.String() + "\n"
}

// variables finds what settings.Section adds to the usage of a flag.
var variables = regexp.MustCompile(`\(env ([A-Z0-9_]+(?:, [A-Z0-9_]+)*)(?:, ([a-z ]+))?\)`)

// Flags describes settings, a table for each group, and lists which environment variables they name.
func Flags(sections []*settings.Section) (text string, named []string) {
	for _, section := range sections {
		var rows [][]string
		section.Flags.VisitAll(func(f *flag.Flag) {
			_, usage := flag.UnquoteUsage(f)
			var env []string
			if found := variables.FindStringSubmatch(usage); found != nil {
				env = strings.Split(found[1], ", ")
				usage = strings.TrimSpace(strings.Replace(usage, found[0], remark(found[2]), 1))
			}
			named = append(named, env...)
			rows = append(rows, []string{"`--" + f.Name + "`", codes(env), codes([]string{f.DefValue}), usage})
		})
		title := strings.ToUpper(section.Title[:1]) + section.Title[1:]
		text += title + ":\n\n" + Table([]string{"flag", "environment", "default", "meaning"}, rows)
	}
	return text, named
}

// remark says in the table, whose columns tell flag and variable apart, what the usage says of the variable.
func remark(text string) string {
	if what, ok := strings.CutPrefix(text, "which "); ok {
		return "(the variable " + what + ")"
	}
	if text != "" {
		return "(of the variable: " + text + ")"
	}
	return ""
}

// description is how client_golang prints a metric's description; shared does not import Prometheus.
var description = regexp.MustCompile(`^Desc\{fqName: "([^"]+)", help: "(.*?)", (?:unit: "[^"]*", )?` +
	`constLabels: \{[^}]*\}, variableLabels: \{([^}]*)\}\}$`)

// KeepMetrics keeps a part of the page about what Prometheus' collectors describe. The types of metrics are in their names, as
// its conventions have it.
func KeepMetrics[Desc fmt.Stringer](name string, collectors ...interface{ Describe(into chan<- Desc) }) error {
	descriptions := make(chan Desc)
	go func() {
		defer close(descriptions)
		for _, c := range collectors {
			c.Describe(descriptions)
		}
	}()
	var rows [][]string
	var errs []error
	for d := range descriptions {
		found := description.FindStringSubmatch(d.String())
		if found == nil {
			errs = append(errs, fmt.Errorf("not the description of a metric: %s", d))
			continue
		}
		var labels []string
		if found[3] != "" {
			labels = strings.Split(found[3], ",")
		}
		rows = append(rows, []string{"`" + found[1] + "`", metricType(found[1]), codes(labels), strings.ReplaceAll(found[2], `\"`, `"`)})
	}
	slices.SortFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return Update(name, Table([]string{"metric", "type", "labels", "meaning"}, rows))
}

// metricType reads a type off a name; two of KES's names follow no convention. tests/monitoring compares it with what
// the binaries expose.
func metricType(name string) string {
	switch {
	case strings.HasSuffix(name, "_total"), strings.HasSuffix(name, "sync_calls_count"), name == "sync_calls":
		return "counter"
	case strings.HasSuffix(name, "_duration_seconds"):
		return "histogram"
	}
	return "gauge"
}

func codes(texts []string) string {
	var quoted []string
	for _, text := range texts {
		if text != "" {
			quoted = append(quoted, "`"+text+"`")
		}
	}
	return strings.Join(quoted, ", ")
}
