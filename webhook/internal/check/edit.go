package check

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// edit replaces the bytes from start to end.
type edit struct {
	start, end int
	text       string
}

// editor gathers edits of a document. It knows a few simple shapes of text and refuses all others;
// what the edits make of the document is parsed and compared afterwards.
type editor struct {
	doc   *parsed
	edits []edit
}

// span is where something is written.
type span struct{ start, end int }

func (e *editor) text(s span) string { return string(e.doc.text[s.start:s.end]) }

func (e *editor) replace(s span, text string) {
	e.edits = append(e.edits, edit{s.start, s.end, text})
}

// apply makes all edits at once.
func (e *editor) apply() ([]byte, error) {
	slices.SortStableFunc(e.edits, func(a, b edit) int { return cmp.Compare(a.start, b.start) })
	var text []byte
	at := 0
	for _, one := range e.edits {
		if one.start < at {
			return nil, errors.New("two edits meet in one place")
		}
		text = append(append(text, e.doc.text[at:one.start]...), one.text...)
		at = one.end
	}
	return append(text, e.doc.text[at:]...), nil
}

// scalar finds the extent of a text that is written within one line.
func (e *editor) scalar(n *yaml.Node) (span, error) {
	start := e.doc.places.offset(n)
	rest := e.doc.text[start:]
	length := -1
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0:
		return span{}, errors.New("an alias, an anchor or a tag stands there")
	case n.Style&yaml.DoubleQuotedStyle != 0:
		length = quoted(rest)
	case n.Style&yaml.SingleQuotedStyle != 0:
		length = singleQuoted(rest)
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 && n.Value != "" && bytes.HasPrefix(rest, []byte(n.Value)):
		length = len(n.Value)
	}
	if length < 0 || bytes.ContainsAny(rest[:length], "\r\n") {
		return span{}, errors.New("it is written over several lines")
	}
	return span{start, start + length}, nil
}

// quoted is the length of a text in double quotes.
func quoted(text []byte) int {
	if len(text) == 0 || text[0] != '"' {
		return -1
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// singleQuoted is the length of a text in single quotes, where two of them stand for one.
func singleQuoted(text []byte) int {
	if len(text) == 0 || text[0] != '\'' {
		return -1
	}
	for i := 1; i < len(text); i++ {
		if text[i] != '\'' {
			continue
		}
		if i+1 == len(text) || text[i+1] != '\'' {
			return i + 1
		}
		i++
	}
	return -1
}

// key finds the extent of a member's name, and where its colon ends.
func (e *editor) key(n *yaml.Node) (name span, colon int, err error) {
	if name, err = e.scalar(n); err != nil {
		return span{}, 0, err
	}
	colon = name.end + len(e.doc.text[name.end:]) - len(bytes.TrimLeft(e.doc.text[name.end:], " \t"))
	if colon >= len(e.doc.text) || e.doc.text[colon] != ':' {
		return span{}, 0, errors.New("its colon stands elsewhere")
	}
	return name, colon + 1, nil
}

// quote writes a word with the quotes that another one has.
func quote(like, word string) string {
	if like != "" && strings.ContainsRune(`"'`, rune(like[0])) {
		return like[:1] + word + like[:1]
	}
	return word
}

func (e *editor) rename(key *yaml.Node, name string) error {
	at, _, err := e.key(key)
	if err != nil {
		return err
	}
	e.replace(at, quote(e.text(at), name))
	return nil
}

// member finds the extent of a member whose value is a text of one line, or nothing.
func (e *editor) member(key, value *yaml.Node) (span, error) {
	name, colon, err := e.key(key)
	if err != nil {
		return span{}, err
	}
	switch {
	case isEmptyMapping(value):
		var braces span
		braces, err = e.braces(value)
		return span{name.start, braces.end}, err
	case value.Kind == yaml.ScalarNode && value.Value == "" && value.Style == 0 && value.Anchor == "":
		return span{name.start, colon}, nil
	case value.Kind != yaml.ScalarNode:
		return span{}, errors.New("its value is not a text")
	}
	text, err := e.scalar(value)
	return span{name.start, text.end}, err
}

func isEmptyMapping(n *yaml.Node) bool {
	return n.Kind == yaml.MappingNode && len(n.Content) == 0
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// braces finds the extent of an empty mapping.
func (e *editor) braces(n *yaml.Node) (span, error) {
	start := e.doc.places.offset(n)
	rest := e.doc.text[start:]
	if !bytes.HasPrefix(rest, []byte("{")) {
		return span{}, errors.New("an anchor or a tag stands there")
	}
	end := len(rest) - len(bytes.TrimLeft(rest[1:], " \t\r\n"))
	if end >= len(rest) || rest[end] != '}' {
		return span{}, errors.New("a comment stands between its braces")
	}
	return span{start, start + end + 1}, nil
}

// remove removes a member, and the line that is left empty. A comment beside it stays there.
func (e *editor) remove(mapping *yaml.Node, at span) error {
	if mapping.Style&yaml.FlowStyle != 0 {
		return e.removeInFlow(at)
	}
	l, err := e.line(at)
	if err != nil {
		return err
	}
	if l.comment != "" {
		at.end = l.end - len(strings.TrimLeft(l.comment, " \t"))
		e.replace(at, "")
		return nil
	}
	e.replace(span{l.start, l.end + len(l.ending)}, "")
	return nil
}

// line is one that holds a member and nothing else, but for a comment.
type line struct {
	span
	indent  string
	comment string // with the space before it
	ending  string
}

func (e *editor) line(at span) (line, error) {
	start, end, ending := lineAt(e.doc.text, at.start)
	if end < at.end {
		return line{}, errors.New("it is written over several lines")
	}
	l := line{span{start, end}, e.text(span{start, at.start}), e.text(span{at.end, end}), ending}
	if strings.TrimSpace(l.comment) == "" {
		l.comment = ""
	}
	if strings.Trim(l.indent, " ") != "" || l.comment != "" && !strings.HasPrefix(strings.TrimLeft(l.comment, " \t"), "#") {
		return line{}, errors.New("it does not stand in a line of its own")
	}
	return l, nil
}

// removeInFlow removes a member of {…} with the comma behind it, or before it if it is the last.
func (e *editor) removeInFlow(at span) error {
	const space = " \t\r\n"
	rest := e.doc.text[at.end:]
	behind := bytes.TrimLeft(rest, space)
	before := bytes.TrimRight(e.doc.text[:at.start], space)
	switch {
	case bytes.HasPrefix(behind, []byte(",")):
		at.end += len(rest) - len(bytes.TrimLeft(behind[1:], space))
	case bytes.HasSuffix(before, []byte(",")):
		at.start = len(before) - 1
	case !bytes.HasSuffix(before, []byte("{")):
		return errors.New("a comment stands beside it")
	}
	e.replace(at, "")
	return nil
}

// lineAt is the line that an offset is in, without what ends it, and that ending.
func lineAt(text []byte, offset int) (start, end int, ending string) {
	start = bytes.LastIndexByte(text[:offset], '\n') + 1
	i := bytes.IndexByte(text[offset:], '\n')
	switch end = offset + i; {
	case i < 0:
		return start, len(text), ""
	case end > start && text[end-1] == '\r':
		return start, end - 1, "\r\n"
	default:
		return start, end, "\n"
	}
}
