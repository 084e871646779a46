package check

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/secretgate/secretgate/shared/text"
)

// Output is a format of findings.
type Output string

// The formats.
const (
	Text   Output = "text"   // for people: file:line:column: severity: what
	JSON   Output = "json"   // for programs of your own
	SARIF  Output = "sarif"  // for code scanning
	GitHub Output = "github" // commands that GitHub Actions turns into annotations
)

// Outputs are the names of the formats.
func Outputs() []Output { return []Output{Text, JSON, SARIF, GitHub} }

// Write writes a report. version is that of this program.
func (r *Report) Write(w io.Writer, format Output, version string) error {
	switch format {
	case JSON:
		return indented(w, r.document())
	case SARIF:
		return indented(w, sarif(r.Findings, version))
	case GitHub:
		return r.lines(w, github)
	default:
		return r.lines(w, compiler)
	}
}

func (r *Report) lines(w io.Writer, line func(Finding) string) error {
	var b strings.Builder
	for _, f := range r.Findings {
		b.WriteString(line(f) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func indented(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// compiler is the form of compilers, which editors know how to jump from.
func compiler(f Finding) string {
	word := string(f.Severity)
	if f.Rule == Fixed {
		word = "fixed"
	}
	object := ""
	if f.Object != "" {
		object = f.Object + ": "
	}
	return text.Printable(fmt.Sprintf("%s:%d:%d: %s: %s%s", shown(f.File), f.Line, f.Column, word, object, f.text()))
}

// shown is a file's name for people and tools.
func shown(file string) string {
	if file == stdinName {
		return "stdin"
	}
	return file
}

// github is a workflow command:
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
func github(f Finding) string {
	command := map[Severity]string{Error: "error", Warning: "warning", Note: "notice"}[f.Severity]
	place := ""
	if f.File != stdinName {
		place = fmt.Sprintf("file=%s,line=%d,col=%d,", property(f.File), f.Line, f.Column)
	}
	title := ""
	if f.kind != "" {
		title = "title=" + property(f.kind+" "+f.Object)
	}
	properties := strings.TrimSuffix(" "+place+title, ",")
	return fmt.Sprintf("::%s%s::%s", command, strings.TrimRight(properties, " "), data(f.text()))
}

// data escapes a workflow command's message, property what stands before it: no text of a manifest
// may start a command of its own.
func data(message string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(message)
}

func property(value string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(value)
}

// reportJSON is the document of the format json. Fields are only ever added to it.
type reportJSON struct {
	Findings []Finding   `json:"findings"`
	Summary  jsonMembers `json:"summary"`
}

// jsonMembers are the members of an object, in their order.
type jsonMembers []jsonMember

type jsonMember struct {
	name  string
	value any
}

// MarshalJSON implements json.Marshaler.
func (m jsonMembers) MarshalJSON() ([]byte, error) {
	b := []byte("{")
	for i, one := range m {
		name, err := json.Marshal(one.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(one.value)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = slices.Concat(b, name, []byte(":"), value)
	}
	return append(b, '}'), nil
}

func (r *Report) document() reportJSON {
	d := reportJSON{Findings: make([]Finding, 0, len(r.Findings))}
	for _, f := range r.Findings {
		f.File = shown(f.File)
		d.Findings = append(d.Findings, f)
	}
	d.Summary = jsonMembers{{"files", r.Files}}
	for _, kind := range r.counted() { // externalSecrets
		d.Summary = append(d.Summary, jsonMember{strings.ToLower(kind[:1]) + kind[1:] + "s", r.Objects[kind]})
	}
	d.Summary = append(d.Summary, jsonMembers{
		{"errors", r.Count(Error)}, {"warnings", r.Count(Warning)}, {"fixed", r.Count(Note)},
		{"skipped", r.Skipped}, {"unreadable", r.Unreadable},
	}...)
	if len(r.Namesakes) > 0 { // skipped objects whose kind is called like ours, by their group
		d.Summary = append(d.Summary, jsonMember{"otherProducts", r.Namesakes})
	}
	return d
}
