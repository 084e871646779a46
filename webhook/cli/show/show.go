// Package show writes answers, for people and for programs.
package show

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/text"
)

// The formats.
const (
	Text = "text"
	JSON = "json"
	YAML = "yaml"
)

// Formats lists them.
func Formats() []string { return []string{Text, JSON, YAML} }

// Page is where an answer for people is written.
type Page struct {
	Colour bool
	Now    time.Time

	b strings.Builder
}

// Answer is one that people can read.
type Answer interface{ write(p *Page) }

// Write writes an answer. value is its shape, which programs get.
func Write(w io.Writer, format string, value any, answer Answer, page Page) error {
	switch format {
	case JSON:
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(value)
	case YAML:
		raw, err := yaml.Marshal(value)
		if err != nil {
			return err
		}
		_, err = w.Write(raw)
		return err
	}
	answer.write(&page)
	_, err := io.WriteString(w, page.b.String())
	return err
}

// The colours of terminals. All codes are of the same length, so that columns of coloured cells line up.
const (
	plain  = "\x1b[39m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

// painted is a word that needs no escaping any more.
type painted string

// paint colours a word by what it means.
func (p *Page) paint(word string) painted {
	word = text.Printable(word)
	if !p.Colour {
		return painted(word)
	}
	return painted(colourOf(word) + word + reset)
}

func colourOf(word string) string {
	switch word {
	case "permitted", "refreshed", "True", "Synced", "yes":
		return green
	case "denied", "invalid", "failed", "timed out", "False", "no":
		return red
	case "unjudged", "Unknown", "Suspended":
		return yellow
	}
	return plain
}

// line writes a line. What stands in it is of the cluster, and may hold what a terminal acts on.
func (p *Page) line(format string, args ...any) {
	for i, arg := range args {
		if s, ok := arg.(string); ok {
			args[i] = text.Printable(s)
		}
	}
	p.b.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

// table writes rows in columns, the first of which are titles. The columns that words lists hold words that have a colour.
func (p *Page) table(indent string, words []int, rows ...[]string) {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = text.Printable(cell)
		}
		for _, i := range words {
			cells[i] = string(p.paint(row[i]))
		}
		_, _ = fmt.Fprintln(w, strings.Join(cells, "\t")) // into memory
	}
	_ = w.Flush()
	for line := range strings.Lines(b.String()) {
		p.b.WriteString(strings.TrimRight(indent+line, " \n") + "\n")
	}
}

// title begins a part of the page.
func (p *Page) title(name string) {
	if p.b.Len() > 0 {
		p.b.WriteByte('\n')
	}
	p.b.WriteString(name + "\n")
}

// ago says how long ago a time is, ahead how far.
func (p *Page) ago(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return duration.HumanDuration(p.Now.Sub(*t)) + " ago"
}

func (p *Page) ahead(t *time.Time) string {
	return duration.HumanDuration(t.Sub(p.Now).Round(time.Second))
}

// orNone is a text, or a dash.
func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// plural counts things.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
