package show

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/secretgate/secretgate/webhook/cli/shape"
)

// Why is that of an object.
type Why shape.Why

func (w Why) write(p *Page) {
	p.line("%s: %s", nameOf(w.Object), p.paint(w.Verdict))
	if w.Served != nil && !*w.Served {
		p.line("  the installed syncer does not serve it")
	}
	for _, problem := range w.Problems {
		p.line("  %s", said(problem.Field, problem.Message))
	}
	for _, warning := range w.Warnings {
		p.line("  warning: %s", warning)
	}
	for _, s := range w.Sources {
		p.source(s)
	}
	if len(w.Limits) > 0 {
		p.title("OTHER LIMITS")
		p.limits("  ", w.Limits)
	}
	if w.NextRead != nil {
		w.status(p)
	}
	if len(w.Settings) > 0 {
		p.title("SETTINGS")
		var rows [][]string
		for _, s := range w.Settings {
			row := []string{s.Service, "assumed: " + s.Assumed}
			if s.Known {
				row[1] = "of " + strings.Join(s.From, ", ")
			}
			rows = append(rows, row)
		}
		p.table("  ", nil, rows...)
	}
	p.notes(w.Notes)
}

func (w Why) status(p *Page) {
	p.title("STATUS")
	rows := [][]string{{"Secret", orNone(w.Secret)}}
	if s := w.Status; s != nil {
		rows = append(rows, []string{"Ready", fmt.Sprintf("%s: %s, since %s", s.Ready, s.Reason, p.ago(s.Since))})
		if s.Message != "" {
			rows = append(rows, []string{"", s.Message})
		}
		if len(s.Failures) > 1 { // of one, the message is
			for _, f := range s.Failures {
				rows = append(rows, []string{"", f.Field + ": " + f.Reason})
			}
		}
		rows = append(rows, []string{"last sync", p.ago(s.LastSync)}, []string{"last success", p.ago(s.LastSuccess)})
	} else {
		rows = append(rows, []string{"Ready", "nothing was reported yet"})
	}
	next := w.NextRead.Why
	if w.NextRead.By != nil {
		next = "within " + p.ahead(w.NextRead.By) + ": " + next
	}
	p.table("  ", nil, append(rows, []string{"next read", next})...)
}

// source writes what is read, as whom, and what limits it.
func (p *Page) source(s shape.Source) {
	p.title("SOURCE " + s.Backend)
	key := "key"
	if s.Path {
		key = "path"
	}
	value := s.Key
	if s.Recursive {
		value += " and all below"
	}
	if s.Version != "" {
		value += ", version " + s.Version
	}
	rows := [][]string{{key, value, strings.Join(s.Fields, ", ")}}
	for _, a := range s.Identity {
		value, where := a.Value, a.Field
		switch {
		case value == "" && a.Name == "role":
			value = "(none: the syncer's own identity)"
		case value == "":
			value = "(the installation's)"
		}
		if a.Default && value != a.Value {
			where = ""
		} else if a.Default {
			where = "the installation's default for " + a.Field
		}
		rows = append(rows, []string{a.Name, value, where})
	}
	p.table("  ", nil, rows...)
	if len(s.Limits) > 0 {
		p.b.WriteByte('\n')
		p.limits("  ", s.Limits)
	}
}

// limits writes what policy says of values.
func (p *Page) limits(indent string, limits []shape.Limit) {
	rows := [][]string{{"VERDICT", "OF", "BY"}}
	for _, l := range limits {
		of := l.Of
		switch l.Of {
		case "choice": // which is shown nowhere else
			of = fmt.Sprintf("%s %q", l.Field, l.Value)
		case "confined":
			of = l.Field + " " + l.Value
		}
		rows = append(rows, []string{l.Verdict, of, by(l)})
	}
	p.table(indent, []int{0}, rows...)
}

// by says which annotation a limit is of, and what it says.
func by(l shape.Limit) string {
	name := l.Annotation
	if l.Renamed {
		name += " (as the installation calls it)"
	}
	switch {
	case l.Verdict == shape.Denied:
		return l.Message
	case l.Of == "confined":
		return "it admits the namespace"
	case l.Patterns == nil:
		return "the namespace has no annotation " + name
	case l.Verdict == shape.Permitted && l.Pattern == "":
		return name + " is empty, which permits all"
	case l.Verdict == shape.Permitted:
		return name + " allows " + strconv.Quote(l.Pattern)
	}
	return name + ": " + patterns(l.Patterns)
}

func patterns(lines []string) string {
	quoted := make([]string, len(lines))
	for i, line := range lines {
		quoted[i] = strconv.Quote(line)
	}
	if len(quoted) == 0 {
		return "nothing"
	}
	return strings.Join(quoted, ", ")
}

// notes says what could not be had.
func (p *Page) notes(notes []shape.Note) {
	if len(notes) == 0 {
		return
	}
	p.title("NOTES")
	for _, n := range notes {
		p.line("  %s", string(n))
	}
}

func nameOf(o shape.Object) string {
	if o.Namespace == "" {
		return o.Kind + " " + o.Name
	}
	return o.Kind + " " + o.Namespace + "/" + o.Name
}

func said(field, message string) string {
	if field == "" {
		return message
	}
	return field + ": " + message
}
