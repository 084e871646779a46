package check

import (
	"bytes"
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"
)

// moveType moves the member type of a spec into its template, which it makes if there is none.
func (e *editor) moveType(specKey, spec, key, value *yaml.Node) error {
	at, err := e.member(key, value)
	if err != nil {
		return err
	}
	templateKey, template := entry(spec, "template")
	switch {
	case templateKey == nil:
		return e.wrapType(specKey, spec, key, at)
	case isNull(template):
		if err := e.drop(spec, templateKey, template); err != nil {
			return err
		}
		return e.wrapType(specKey, spec, key, at)
	case template.Kind != yaml.MappingNode:
		return errors.New("the template comes from elsewhere, by an alias")
	case isEmptyMapping(template):
		braces, err := e.braces(template)
		if err != nil {
			return err
		}
		e.replace(braces, "{"+e.text(at)+"}")
		return e.remove(spec, at)
	case template.Style&yaml.FlowStyle != 0:
		return e.typeIntoFlow(spec, template, at)
	default:
		return e.typeIntoBlock(templateKey, template, at)
	}
}

// wrapType puts a template around the type, where it stands.
func (e *editor) wrapType(specKey, spec, key *yaml.Node, at span) error {
	name, colon, err := e.key(key)
	if err != nil {
		return err
	}
	template := quote(e.text(name), "template")
	if spec.Style&yaml.FlowStyle != 0 {
		gap := e.doc.text[colon:at.end]
		gap = gap[:len(gap)-len(bytes.TrimLeft(gap, " "))]
		e.replace(at, template+":"+string(gap)+"{"+e.text(at)+"}")
		return nil
	}
	l, err := e.line(at)
	if err != nil {
		return err
	}
	if l.ending == "" {
		l.ending = "\n"
	}
	unit := spec.Column - specKey.Column
	if unit < 1 {
		unit = 2
	}
	e.replace(at, template+":"+l.ending+l.indent+strings.Repeat(" ", unit)+e.text(at))
	return nil
}

// typeIntoFlow makes the type the first member of a template in braces.
func (e *editor) typeIntoFlow(spec, template *yaml.Node, at span) error {
	brace := e.doc.places.offset(template)
	first := e.doc.places.offset(template.Content[0])
	if e.doc.text[brace] != '{' {
		return errors.New("an anchor or a tag stands at the template")
	}
	gap := e.text(span{brace + 1, first})
	switch {
	case strings.Trim(gap, " \t\r\n") != "":
		return errors.New("a comment stands at the start of the template")
	case !strings.Contains(gap, "\n"):
		gap = " "
	}
	e.replace(span{first, first}, e.text(at)+","+gap)
	return e.remove(spec, at)
}

// typeIntoBlock makes the type the first line of a template, with the comment that stands beside it.
func (e *editor) typeIntoBlock(templateKey, template *yaml.Node, at span) error {
	first := e.doc.places.offset(template.Content[0])
	start, _, _ := lineAt(e.doc.text, first)
	indent := e.text(span{start, first})
	_, end, ending := lineAt(e.doc.text, e.doc.places.offset(templateKey))
	if strings.Trim(indent, " ") != "" || start < end {
		return errors.New("the template does not stand in lines of its own")
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
