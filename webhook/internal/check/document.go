package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"
)

// document is one YAML document, or one JSON value, of a file.
type document struct {
	file   string
	start  int // offset in the file
	text   []byte
	line   int // of its first byte, from 1
	column int // characters before its first byte in that line

	err    error // why it is no document
	failed error // why the file cannot be read
}

// byteOrderMark starts the files of some editors.
const byteOrderMark = "\xef\xbb\xbf"

// split finds the documents of a file as kubectl does: at lines that start with three dashes, or,
// where the text starts with a brace, one JSON value after the other.
func split(file string, text []byte) iter.Seq[document] {
	return func(yield func(document) bool) {
		start, line := 0, 1
		if bytes.HasPrefix(text, []byte(byteOrderMark)) {
			start = len(byteOrderMark)
		}
		if bytes.HasPrefix(bytes.TrimSpace(text[start:]), []byte("{")) {
			if values, ok := splitJSON(document{file: file, start: start, text: text[start:], line: line}); ok {
				slices.Values(values)(yield)
				return
			}
		}
		here := document{file: file, start: start, line: line}
		for offset := start; offset < len(text); line++ {
			end := offset + lineLength(text[offset:])
			rest, separator := bytes.CutPrefix(text[offset:end], []byte("---"))
			if separator {
				here.text = text[here.start:offset]
				if !yield(here) {
					return
				}
				here = document{file: file, start: end, line: line + 1}
				if rest = bytes.TrimSpace(rest); len(rest) > 0 && rest[0] != '#' {
					here.err = errors.New("the line above separates documents and holds more than ---: put the rest in a line of its own")
				}
			}
			offset = end
		}
		here.text = text[here.start:]
		yield(here)
	}
}

func lineLength(text []byte) int {
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		return i + 1
	}
	return len(text)
}

// splitJSON finds the values of a stream of JSON. It is not ok where there is something else: YAML's
// flow style starts with a brace too.
func splitJSON(whole document) (found []document, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(whole.text))
	here, at := whole, 0
	for {
		var value json.RawMessage
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			return found, true
		}
		if err != nil {
			return nil, false
		}
		end := int(decoder.InputOffset())
		begin := end - len(value)
		here.line, here.column = after(here.line, here.column, whole.text[at:begin])
		here.start, here.text = whole.start+begin, whole.text[begin:end]
		found, at = append(found, here), begin
	}
}

// after is the place behind a text that starts at line and column.
func after(line, column int, text []byte) (newLine, newColumn int) {
	if i := bytes.LastIndexByte(text, '\n'); i >= 0 {
		line, column, text = line+bytes.Count(text, []byte("\n")), 0, text[i+1:]
	}
	return line, column + len([]rune(string(text)))
}

// isJSON reports whether kubectl reads a document as JSON.
func (d *document) isJSON() bool {
	return bytes.HasPrefix(bytes.TrimSpace(d.text), []byte("{")) && json.Valid(d.text)
}

func (d *document) isEmpty() bool {
	for line := range strings.Lines(string(d.text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return false
		}
	}
	return true
}

// complaint is the finding about a document that cannot be read.
func (d *document) complaint(err error) Finding {
	indent := len(d.text) - len(bytes.TrimLeft(d.text, " \t\r\n"))
	line, column := after(d.line, d.column, d.text[:indent])
	if where, ok := errors.AsType[*unreadable](err); ok && where.line > 0 {
		line, column = d.line+where.line-1, 0
	}
	return Finding{File: d.file, Line: line, Column: column + 1, Severity: Error, Rule: Unreadable, Message: err.Error()}
}
