package check

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/secretgate/secretgate/shared/dialect"
)

// rewriter plans the edits for the deprecated fields of one object.
type rewriter struct {
	*editor
	root *yaml.Node
	was  map[string]string // how the text calls a top-level field that is renamed
}

// refusal is why a field cannot be rewritten.
type refusal struct {
	path string
	error
}

// errElsewhere is of what is not written where it is used.
var errElsewhere = errors.New("it comes from elsewhere, by an alias or a merge")

// convert plans the edits for the deprecated fields of an object, of which whole ones come first. Its errors are refusals.
func (e *editor) convert(o object, d dialect.Deprecations, deprecated []string) error {
	if o.node == nil {
		return errors.New("the places of its fields cannot be found: it is JSON with escapes that YAML lacks")
	}
	r := &rewriter{editor: e, root: o.node, was: map[string]string{}}
	for _, path := range deprecated {
		var err error
		switch move, spelling := deprecation(d, path); {
		case spelling != nil:
			err = r.respell(spelling)
		case move.Whole():
			err = r.whole(move)
		default:
			err = r.within(move)
		}
		if err != nil {
			return &refusal{path, err}
		}
	}
	return nil
}

// find finds a field as it is written.
func (r *rewriter) find(p dialect.Path) (key, value *yaml.Node) {
	value = r.root
	for i, name := range p {
		if was := r.was[name]; i == 0 && was != "" {
			name = was
		}
		key, value = entry(value, name)
	}
	return key, value
}

func (r *rewriter) respell(s *dialect.Spelling) error {
	key, value := r.find(s.At)
	if key == nil {
		return errElsewhere
	}
	at, err := r.scalar(value)
	if err != nil {
		return err
	}
	r.replace(at, quote(r.text(at), s.New))
	return nil
}

// whole renames a top-level field. One of the new name beside it is empty, or there would be a conflict.
func (r *rewriter) whole(m *dialect.Move) error {
	if len(m.To) > 1 {
		return byHand(m)
	}
	if err := r.dropEmpty(r.root, m.To[0]); err != nil {
		return err
	}
	key, _ := entry(r.root, m.From[0])
	if key == nil {
		return errElsewhere
	}
	r.was[m.To[0]] = m.From[0]
	return r.rename(key, m.To[0])
}

// within renames a field within another one, or encloses it in one beside it.
func (r *rewriter) within(m *dialect.Move) error {
	key, value := r.find(m.From)
	if key == nil {
		return errElsewhere
	}
	last := len(m.From) - 1
	holderKey, holder := r.find(m.From[:last])
	if len(m.To) <= last || !slices.Equal(m.From[:last], m.To[:last]) {
		return byHand(m)
	}
	switch to := m.To[last:]; {
	case len(to) == 1:
		if err := r.dropEmpty(holder, to[0]); err != nil {
			return err
		}
		return r.rename(key, to[0])
	case len(to) == 2 && to[1] == m.From[last]:
		return r.enclose(holderKey, holder, key, value, to[0])
	default:
		return byHand(m)
	}
}

func byHand(m *dialect.Move) error {
	return fmt.Errorf("its new place is too far away: move it to %s by hand", m.To)
}

// dropEmpty removes a member that has no value, if it is there.
func (e *editor) dropEmpty(mapping *yaml.Node, name string) error {
	key, value := entry(mapping, name)
	if key == nil {
		return nil
	}
	if err := e.drop(mapping, key, value); err != nil {
		return fmt.Errorf("the empty %s cannot be removed: %w", name, err)
	}
	return nil
}

// drop removes a member without a value.
func (e *editor) drop(mapping, key, value *yaml.Node) error {
	at, err := e.member(key, value)
	if err != nil {
		return err
	}
	return e.remove(mapping, at)
}

// enclose moves a member of a holder into another member of it, such as a type into the template, which it makes if there is none.
func (e *editor) enclose(holderKey, holder, key, value *yaml.Node, name string) error {
	at, err := e.member(key, value)
	if err != nil {
		return err
	}
	targetKey, target := entry(holder, name)
	switch {
	case targetKey == nil:
		return e.wrap(holderKey, holder, key, at, name)
	case isNull(target):
		if err := e.drop(holder, targetKey, target); err != nil {
			return err
		}
		return e.wrap(holderKey, holder, key, at, name)
	case target.Kind != yaml.MappingNode:
		return fmt.Errorf("the %s comes from elsewhere, by an alias", name)
	case isEmptyMapping(target):
		braces, err := e.braces(target)
		if err != nil {
			return err
		}
		e.replace(braces, "{"+e.text(at)+"}")
		return e.remove(holder, at)
	case target.Style&yaml.FlowStyle != 0:
		return e.intoFlow(holder, target, at, name)
	default:
		return e.intoBlock(targetKey, target, at, name)
	}
}

// wrap puts a member of a name around another one, where that stands.
func (e *editor) wrap(holderKey, holder, key *yaml.Node, at span, name string) error {
	old, colon, err := e.key(key)
	if err != nil {
		return err
	}
	name = quote(e.text(old), name)
	if holder.Style&yaml.FlowStyle != 0 {
		gap := e.doc.text[colon:at.end]
		gap = gap[:len(gap)-len(bytes.TrimLeft(gap, " "))]
		e.replace(at, name+":"+string(gap)+"{"+e.text(at)+"}")
		return nil
	}
	l, err := e.line(at)
	if err != nil {
		return err
	}
	if l.ending == "" {
		l.ending = "\n"
	}
	unit := holder.Column - holderKey.Column
	if unit < 1 {
		unit = 2
	}
	e.replace(at, name+":"+l.ending+l.indent+strings.Repeat(" ", unit)+e.text(at))
	return nil
}

// intoFlow makes a member the first one of another one in braces.
func (e *editor) intoFlow(holder, target *yaml.Node, at span, name string) error {
	brace := e.doc.places.offset(target)
	first := e.doc.places.offset(target.Content[0])
	if e.doc.text[brace] != '{' {
		return fmt.Errorf("an anchor or a tag stands at the %s", name)
	}
	gap := e.text(span{brace + 1, first})
	switch {
	case strings.Trim(gap, " \t\r\n") != "":
		return fmt.Errorf("a comment stands at the start of the %s", name)
	case !strings.Contains(gap, "\n"):
		gap = " "
	}
	e.replace(span{first, first}, e.text(at)+","+gap)
	return e.remove(holder, at)
}

// intoBlock makes a member the first line of another one, with the comment that stands beside it.
func (e *editor) intoBlock(targetKey, target *yaml.Node, at span, name string) error {
	first := e.doc.places.offset(target.Content[0])
	start, _, _ := lineAt(e.doc.text, first)
	indent := e.text(span{start, first})
	_, end, ending := lineAt(e.doc.text, e.doc.places.offset(targetKey))
	if strings.Trim(indent, " ") != "" || start < end {
		return fmt.Errorf("the %s does not stand in lines of its own", name)
	}
	l, err := e.line(at)
	if err != nil {
		return err
	}
	below := end + len(ending)
	e.replace(span{below, below}, indent+e.text(at)+l.comment+ending)
	e.replace(span{l.start, l.end + len(l.ending)}, "")
	return nil
}
