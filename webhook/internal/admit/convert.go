package admit

import (
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
)

// Conversion is an object without its deprecated fields.
type Conversion struct {
	// Object is the converted object; the original where there are conflicts.
	Object map[string]any
	// Deprecated are the deprecated fields that the author used, and Warnings a sentence about each.
	Deprecated, Warnings []string
	// Conflicts are the deprecated fields whose replacement is set too.
	Conflicts field.ErrorList
}

// DeprecationsOf are those of a kind; most kinds have none.
func DeprecationsOf(kind dialect.Kind) dialect.Deprecations {
	if c, ok := kind.(dialect.Converter); ok {
		return c.Deprecations()
	}
	return dialect.Deprecations{}
}

// Convert moves the deprecated fields of an object to where they belong, as its kind's table has it. old is nil on creation.
// Neither object is changed.
//
// The object was not validated yet. What is not of the type that the schema demands stays where it
// is, so that the schema's complaint names the field that the author wrote.
func Convert(d dialect.Deprecations, updated, old map[string]any, w Writer) Conversion {
	c := &converter{Provenance: provenance(d, updated, old, w), table: d, object: runtime.DeepCopyJSON(updated)}
	if old != nil {
		c.old, c.oldConverted = old, converted(d, old)
	}
	c.all()
	if c.previous != nil && c.manifest != nil && !c.misfit {
		c.forgetConverted()
	}
	if len(c.result.Conflicts) > 0 {
		return Conversion{Object: updated, Conflicts: c.result.Conflicts}
	}
	c.result.Object = c.object
	return c.result
}

// converted is an object as the webhook would have stored it, for one that was stored while the webhook was bypassed.
func converted(d dialect.Deprecations, object map[string]any) map[string]any {
	c := &converter{table: d, object: runtime.DeepCopyJSON(object)}
	c.all()
	return c.object
}

type converter struct {
	Provenance
	table             dialect.Deprecations
	object            map[string]any
	old, oldConverted map[string]any
	whole             *dialect.Move // the object is the inside of this field, by its new name; nil: it is a whole object
	misfit            bool          // something has a type that the schema will reject
	result            Conversion
}

// all converts whole fields first. Where one of them is in conflict, it is not known which one counts, nor what is in it.
func (c *converter) all() {
	for _, m := range c.table.Moves {
		if m.Whole() {
			c.field(m)
		}
	}
	if len(c.result.Conflicts) > 0 {
		return
	}
	for _, m := range c.table.Moves {
		if !m.Whole() {
			c.member(m)
		}
	}
	for _, s := range c.table.Spellings {
		c.spelling(s)
	}
}

// field converts a whole field. What is deprecated within it is converted first: it is always whole
// and of one author's hand, so no provenance is needed for that.
func (c *converter) field(m dialect.Move) {
	within, ok := inside(c.table, c.object, m)
	if !ok {
		return
	}
	var before any
	if old, ok := inside(c.table, c.old, m); ok {
		before, _ = lookup(old.object, m.To)
	}
	converted, _ := lookup(within.object, m.To)
	if c.move(m, converted, before) {
		c.result.Conflicts = append(c.result.Conflicts, within.result.Conflicts...)
		c.result.Deprecated = append(c.result.Deprecated, within.result.Deprecated...)
		c.result.Warnings = append(c.result.Warnings, within.result.Warnings...)
	}
}

// inside converts what is in a whole field of an object, and has it where it belongs in an object of its own.
func inside(d dialect.Deprecations, object map[string]any, m dialect.Move) (*converter, bool) {
	value, _ := lookup(object, m.From)
	members, ok := value.(map[string]any)
	if !ok {
		return nil, false
	}
	within := &converter{
		Provenance: Provenance{manifest: shape{}}, table: d, object: map[string]any{}, whole: &m,
	}
	within.manifest.put(m.To, shapeOf(members))
	set(within.object, m.To, runtime.DeepCopyJSON(members))
	within.all()
	return within, true
}

// member converts a deprecated field within another one.
func (c *converter) member(m dialect.Move) {
	alias, ok := lookup(c.object, m.From)
	if !ok || alias != nil && !m.Form.Fits(alias) {
		c.misfit = true
		return
	}
	if alias != nil {
		before, _ := lookup(c.old, m.From)
		c.move(m, alias, before)
	}
}

// move converts one field, whose old value is before. It returns whether the author used it.
func (c *converter) move(m dialect.Move, alias, before any) (used bool) {
	target, reachable := lookup(c.object, m.To)
	if !reachable || target != nil && !m.Form.Fits(target) {
		c.misfit = true
		return false
	}
	switch c.decide(m, alias, before, target) {
	case conflict:
		c.result.Conflicts = append(c.result.Conflicts, field.Forbidden(c.name(m.From), fmt.Sprintf(
			"is the deprecated name of %s, which is set too: remove %s", c.name(m.To), c.name(m.From))))
		return false
	case drop:
		remove(c.object, m.From)
		return false
	default:
		remove(c.object, m.From)
		set(c.object, m.To, alias)
		at := c.name(m.From).String()
		c.deprecated(at, fmt.Sprintf("%s is deprecated: use %s", at, m.To))
		return true
	}
}

// outcome is what becomes of a deprecated field that is present.
type outcome int

const (
	move     outcome = iota // it replaces its target
	drop                    // it goes; its target stays as it is
	conflict                // both are set: deny
)

// decide follows the manifest where it names either field, or named the deprecated one before.
func (c *converter) decide(m dialect.Move, alias, before, target any) outcome {
	inManifest, targetInManifest := c.manifest.has(m.From), c.manifest.has(m.To)
	switch {
	case inManifest && targetInManifest:
		return conflict
	case inManifest:
		return move
	case targetInManifest:
		return drop
	case c.manifest != nil && c.previous.has(m.From) && !c.previous.has(m.To):
		return drop
	case target == nil || reflect.DeepEqual(alias, target):
		return move
	}
	// Without provenance, what the request changed decides. Where it changed neither (both were
	// stored while the webhook was bypassed) it is unknown which one counts.
	oldTarget, _ := lookup(c.oldConverted, m.To)
	sameAlias, sameTarget := reflect.DeepEqual(alias, before), reflect.DeepEqual(target, oldTarget)
	switch {
	case sameTarget && !sameAlias:
		return move
	case sameAlias && !sameTarget:
		return drop
	default:
		return conflict
	}
}

// spelling needs no provenance: both spellings are one field.
func (c *converter) spelling(s dialect.Spelling) {
	if value, _ := lookup(c.object, s.At); value == s.Old {
		set(c.object, s.At, s.New)
		name := c.name(s.At).String()
		c.deprecated(name, fmt.Sprintf("%s %s is deprecated: use %s", name, s.Old, s.New))
	}
}

func (c *converter) deprecated(at, warning string) {
	c.result.Deprecated = append(c.result.Deprecated, at)
	c.result.Warnings = append(c.result.Warnings, warning)
}

// name is how the author calls a field.
func (c *converter) name(p dialect.Path) *field.Path {
	if c.whole != nil && len(p) > 1 && p[0] == c.whole.To[0] {
		return field.NewPath(c.whole.From[0], p[1:]...)
	}
	return field.NewPath(p[0], p[1:]...)
}
