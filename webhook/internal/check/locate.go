package check

import (
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/secretgate/secretgate/shared/dialect"
)

// places finds the bytes of a text at the lines and columns of YAML's nodes. A text may be one line of
// megabytes, so that nothing here walks along one.
type places struct {
	text   []byte
	starts []int // offsets of lines, as YAML counts them
	breaks []int // offsets behind newlines, as editors count lines
	marks  []int // offsets of every markStep-th character; nil: each character is a byte
}

const markStep = 64

func newPlaces(text []byte) places {
	p := places{text: text, starts: []int{0}}
	ascii := true
	for i, c := range text {
		switch {
		case c == '\r' && i+1 < len(text) && text[i+1] == '\n':
		case c == '\n':
			p.starts, p.breaks = append(p.starts, i+1), append(p.breaks, i+1)
		case c == '\r':
			p.starts = append(p.starts, i+1)
		case c >= utf8.RuneSelf:
			ascii = false
			// YAML 1.1 also breaks lines at these: next line, line and paragraph separator.
			if r, size := utf8.DecodeRune(text[i:]); r == '\u0085' || r == '\u2028' || r == '\u2029' {
				p.starts = append(p.starts, i+size)
			}
		}
	}
	if ascii {
		return p
	}
	for i, characters := 0, 0; i <= len(text); characters++ {
		if characters%markStep == 0 {
			p.marks = append(p.marks, i)
		}
		_, size := utf8.DecodeRune(text[i:])
		i += max(size, 1)
	}
	return p
}

// characters counts them before an offset, and byteAt finds the offset behind as many.
func (p places) characters(offset int) int {
	if p.marks == nil {
		return offset
	}
	i := sort.SearchInts(p.marks, offset+1) - 1
	return i*markStep + utf8.RuneCount(p.text[p.marks[i]:offset])
}

func (p places) byteAt(characters int) int {
	if p.marks == nil {
		return min(characters, len(p.text))
	}
	i := characters / markStep
	if i >= len(p.marks) {
		return len(p.text)
	}
	at := p.marks[i]
	for range characters % markStep {
		_, size := utf8.DecodeRune(p.text[at:])
		at += size
	}
	return at
}

func (p places) offset(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(p.starts) {
		return 0
	}
	return p.byteAt(p.characters(p.starts[n.Line-1]) + n.Column - 1)
}

// at is the line and column, from 1, of an offset in the document.
func (d *parsed) at(offset int) (line, column int) {
	behind := sort.SearchInts(d.places.breaks, offset+1)
	column = d.places.characters(offset) + 1
	if behind == 0 {
		return d.line, d.column + column
	}
	return d.line + behind, column - d.places.characters(d.places.breaks[behind-1])
}

// locate finds the node that a field's path leads to: its value, or its name where the value is
// longer than a word. An object may still have the field under its deprecated name; of what is
// missing, the closest that is there is found.
func locate(root *yaml.Node, path string, moves []dialect.Move) *yaml.Node {
	best, missing := root, len(path)+1
	for _, candidate := range spellings(steps(path), moves) {
		if node, left := walk(root, candidate); left < missing {
			best, missing = node, left
		}
	}
	return best
}

// spellings lists the paths by which an author may have called a field.
func spellings(path []string, moves []dialect.Move) [][]string {
	all := [][]string{path}
	for _, whole := range []bool{false, true} { // what has moved within a whole field may have moved with it, too
		for _, one := range slices.Clip(all) {
			for _, m := range moves {
				if n := len(m.To); m.Whole() == whole && len(one) >= n && slices.Equal(one[:n], m.To) {
					all = append(all, slices.Concat(m.From, one[n:]))
				}
			}
		}
	}
	return all
}

// stepPattern matches a step of a path: a name, or what is in brackets.
var stepPattern = regexp.MustCompile(`\[([^\]]*)\]|([^.\[]+)`)

// steps takes a path apart: spec.data[1].key, or metadata.labels[a.b/c].
func steps(path string) []string {
	var found []string
	for _, match := range stepPattern.FindAllStringSubmatch(path, -1) {
		found = append(found, match[1]+match[2])
	}
	return found
}

// walk follows a path as far as there is something, and returns how many steps were left.
func walk(node *yaml.Node, path []string) (at *yaml.Node, left int) {
	at = node
	for i, step := range path {
		node = resolved(node)
		switch node.Kind {
		case yaml.MappingNode:
			key, value := member(node, step)
			if key == nil {
				return at, len(path) - i
			}
			at, node = key, value
			if value.Kind == yaml.ScalarNode && value.Value != "" && value.Line == key.Line {
				at = value
			}
		case yaml.SequenceNode:
			index, err := strconv.Atoi(step)
			if err != nil || index < 0 || index >= len(node.Content) {
				return at, len(path) - i
			}
			node = node.Content[index]
			at = node
		default:
			return at, len(path) - i
		}
	}
	return at, 0
}

// member finds a member of a mapping by its name, and what its value stands for; of several the last
// counts. Both are nil where there is none, or no mapping.
func member(mapping *yaml.Node, name string) (key, value *yaml.Node) {
	key, value = entry(mapping, name)
	return key, resolved(value)
}

// entry is member, with the value as it is written.
func entry(mapping *yaml.Node, name string) (key, value *yaml.Node) {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := len(mapping.Content) - 2; i >= 0; i -= 2 {
		if k := resolved(mapping.Content[i]); k.Kind == yaml.ScalarNode && k.Value == name {
			return mapping.Content[i], mapping.Content[i+1]
		}
	}
	return nil, nil
}

// resolved follows an alias to what it stands for.
func resolved(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// repeated lists the names that occur twice in a mapping below a node, with their paths.
func repeated(n *yaml.Node, path string, found []repetition) []repetition {
	switch n.Kind {
	case yaml.MappingNode:
		seen := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			at := strings.TrimPrefix(path+"."+key.Value, ".")
			if key.Kind == yaml.ScalarNode && seen[key.Value] {
				found = append(found, repetition{key, at})
			}
			seen[key.Value] = true
			found = repeated(n.Content[i+1], at, found)
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			found = repeated(item, path+"["+strconv.Itoa(i)+"]", found)
		}
	default: // a scalar holds no names, and an alias repeats what is found at its anchor
	}
	return found
}

type repetition struct {
	key  *yaml.Node
	path string
}
