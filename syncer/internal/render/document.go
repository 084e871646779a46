package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

var (
	errNotJSON   = errors.New("not JSON")
	errNotObject = errors.New("not a JSON object")
	errNotFound  = errors.New("not found")
	errNotUTF8   = errors.New("not UTF-8")
	errSurrogate = errors.New("half of a character")
)

// document is a JSON value, taken apart as far as an entry has looked: a hundred entries that read one
// value parse it once.
type document struct {
	data   []byte
	root   span
	levels map[span]*level
	budget *budget
}

// span is where a value stands in its document.
type span struct{ from, to int }

// level is an object or an array, taken apart by one level; empty for everything else.
type level struct {
	members map[string]span // the last of two of one name
	items   []span
}

// parse reads a JSON document; it is nil for what is none.
func parse(b *budget, data []byte) (*document, error) {
	if err := b.takeWork(len(data)); err != nil || !json.Valid(data) {
		return nil, err
	}
	d := &document{data: data, levels: map[span]*level{}, budget: b}
	d.root = span{d.skipSpace(0), len(bytes.TrimRight(data, " \t\r\n"))}
	return d, nil
}

// lookup finds a property as lodash's get does: a member of exactly that name first, else the value
// at the path that the name spells, as in a.b[0].c or a["b.c"].
func (d *document) lookup(property string) ([]byte, error) {
	if d == nil {
		return nil, errNotJSON
	}
	if err := d.budget.takeWork(len(property)); err != nil {
		return nil, err
	}
	at, err := d.step(d.root, property)
	if err == nil {
		return d.value(at)
	}
	segments := path(property)
	if len(segments) == 0 {
		return nil, errNotFound // no path is not the path to the whole document
	}
	at = d.root
	for _, segment := range segments {
		if at, err = d.step(at, segment); err != nil {
			return nil, err
		}
	}
	return d.value(at)
}

// object is the document's members.
func (d *document) object() (map[string]span, error) {
	if d == nil || d.data[d.root.from] != '{' {
		return nil, errNotObject
	}
	l, err := d.open(d.root)
	if err != nil {
		return nil, err
	}
	return l.members, nil
}

// step goes one level down: to a member of an object or, by number, to an item of an array.
func (d *document) step(at span, segment string) (span, error) {
	l, err := d.open(at)
	if err != nil {
		return span{}, err
	}
	if member, ok := l.members[segment]; ok {
		return member, nil
	}
	i, err := strconv.Atoi(segment)
	if err != nil || strconv.Itoa(i) != segment || i < 0 || i >= len(l.items) {
		return span{}, errNotFound // 01 and +1 are no items
	}
	return l.items[i], nil
}

// open takes a value apart by one level. The document is JSON, so that nothing can be missing.
func (d *document) open(at span) (*level, error) {
	if l, known := d.levels[at]; known {
		return l, nil
	}
	l := &level{}
	d.levels[at] = l
	if c := d.data[at.from]; c != '{' && c != '[' {
		return l, nil
	}
	if err := d.budget.takeWork(at.to - at.from); err != nil {
		return nil, err
	}
	object := d.data[at.from] == '{'
	if object {
		l.members = map[string]span{}
	}
	for i := d.skipSpace(at.from + 1); i < at.to-1; i = d.skipSpace(i) { // up to the closing bracket
		if d.data[i] == ',' {
			i++
			continue
		}
		if err := d.budget.takeMembers(1); err != nil {
			return nil, err
		}
		var name string
		if object {
			to := d.end(i)
			name = memberName(d.data[i:to])
			i = d.skipSpace(d.skipSpace(to) + 1) // past the colon
		}
		value := span{i, d.end(i)}
		if object {
			l.members[name] = value
		} else {
			l.items = append(l.items, value)
		}
		i = value.to
	}
	return l, nil
}

func (d *document) skipSpace(i int) int {
	for i < len(d.data) && (d.data[i] == ' ' || d.data[i] == '\t' || d.data[i] == '\r' || d.data[i] == '\n') {
		i++
	}
	return i
}

// end is where the value that begins at i ends.
func (d *document) end(i int) int {
	for depth := 0; i < len(d.data); {
		switch d.data[i] {
		case '"':
			for i++; d.data[i] != '"'; i++ {
				if d.data[i] == '\\' {
					i++
				}
			}
			i++
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case ',', ':', ' ', '\t', '\r', '\n':
			i++ // between brackets
			continue
		default: // a number, true, false or null
			for i < len(d.data) && strings.IndexByte(",]} \t\r\n", d.data[i]) < 0 {
				i++
			}
		}
		if depth == 0 {
			break
		}
	}
	return i
}
