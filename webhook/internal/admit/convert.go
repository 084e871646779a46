package admit

import (
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
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

// Convert moves the deprecated fields of an object to where they belong: secretDescriptor to spec,
// spec.type to spec.template.type, spec.properties to spec.data, backendType secretManager to
// secretsManager. old is nil on creation. Neither object is changed.
//
// The object was not validated yet. What is not of the type that the schema demands stays where it
// is, so that the schema's complaint names the field that the author wrote.
func Convert(updated, old map[string]any, w Writer) Conversion {
	c := &converter{Provenance: provenance(updated, old, w), object: runtime.DeepCopyJSON(updated), specAt: "spec"}
	if old != nil {
		c.old, c.oldConverted = old, settled(old)
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

// settled is what an object would have become, had it not been stored behind the webhook's back.
func settled(object map[string]any) map[string]any {
	c := &converter{object: runtime.DeepCopyJSON(object), specAt: "spec"}
	c.all()
	return c.object
}

type converter struct {
	Provenance
	object            map[string]any
	old, oldConverted map[string]any
	specAt            string // what the author calls spec
	misfit            bool   // something has a type that the schema will reject
	result            Conversion
}

// pair is a deprecated field and its replacement.
type pair struct {
	alias, target path
	fits          func(any) bool
}

func (c *converter) all() {
	c.descriptor()
	if len(c.result.Conflicts) > 0 {
		return // which spec counts is not known
	}
	c.member(pair{alias: path{"spec", "type"}, target: path{"spec", "template", "type"}, fits: is[string]})
	c.member(pair{alias: path{"spec", "properties"}, target: path{"spec", "data"}, fits: is[[]any]})
	c.backendType()
}

// descriptor converts secretDescriptor. What is deprecated within it is converted first: a
// descriptor is always whole and of one author's hand, so no provenance is needed for that.
func (c *converter) descriptor() {
	within, ok := descriptorOf(c.object)
	if !ok {
		return
	}
	var before any
	if old, ok := descriptorOf(c.old); ok {
		before = old.object["spec"]
	}
	p := pair{alias: path{"secretDescriptor"}, target: path{"spec"}, fits: is[map[string]any]}
	if c.pair(p, within.object["spec"], before) {
		c.result.Conflicts = append(c.result.Conflicts, within.result.Conflicts...)
		c.result.Deprecated = append(c.result.Deprecated, within.result.Deprecated...)
		c.result.Warnings = append(c.result.Warnings, within.result.Warnings...)
	}
}

// descriptorOf converts the inside of an object's descriptor, which ends up in the spec of the
// converter's object.
func descriptorOf(object map[string]any) (*converter, bool) {
	value, _ := lookup(object, path{"secretDescriptor"})
	descriptor, ok := value.(map[string]any)
	if !ok {
		return nil, false
	}
	within := &converter{
		Provenance: Provenance{manifest: shape{"spec": shapeOf(descriptor)}},
		object:     map[string]any{"spec": runtime.DeepCopyJSON(descriptor)},
		specAt:     "secretDescriptor",
	}
	within.all()
	return within, true
}

// member converts a deprecated field of spec.
func (c *converter) member(p pair) {
	alias, ok := lookup(c.object, p.alias)
	if !ok || alias != nil && !p.fits(alias) {
		c.misfit = true
		return
	}
	if alias != nil {
		before, _ := lookup(c.old, p.alias)
		c.pair(p, alias, before)
	}
}

// pair converts one field, whose old value is before. It returns whether the author used it.
func (c *converter) pair(p pair, alias, before any) (used bool) {
	target, reachable := lookup(c.object, p.target)
	if !reachable || target != nil && !p.fits(target) {
		c.misfit = true
		return false
	}
	switch c.decide(p, alias, before, target) {
	case conflict:
		c.result.Conflicts = append(c.result.Conflicts, field.Forbidden(c.name(p.alias), fmt.Sprintf(
			"is the deprecated name of %s, which is set too: remove %s", c.name(p.target), c.name(p.alias))))
		return false
	case drop:
		remove(c.object, p.alias)
		return false
	default:
		remove(c.object, p.alias)
		set(c.object, p.target, alias)
		at := c.name(p.alias).String()
		c.deprecated(at, fmt.Sprintf("%s is deprecated: use %s", at, p.target))
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
func (c *converter) decide(p pair, alias, before, target any) outcome {
	inManifest, targetInManifest := c.manifest.has(p.alias), c.manifest.has(p.target)
	switch {
	case inManifest && targetInManifest:
		return conflict
	case inManifest:
		return move
	case targetInManifest:
		return drop
	case c.manifest != nil && c.previous.has(p.alias) && !c.previous.has(p.target):
		return drop
	case target == nil || reflect.DeepEqual(alias, target):
		return move
	}
	// Without provenance, what the request changed decides. Where it changed neither (both were
	// stored behind the webhook's back) nothing tells which one counts.
	oldTarget, _ := lookup(c.oldConverted, p.target)
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

// backendType needs no provenance: both spellings are one field.
func (c *converter) backendType() {
	at := path{"spec", "backendType"}
	if value, _ := lookup(c.object, at); value == string(apiv1.BackendDeprecatedSecretMgr) {
		set(c.object, at, string(apiv1.BackendAWSSecretsManager))
		name := c.name(at).String()
		c.deprecated(name, fmt.Sprintf("%s secretManager is deprecated: use secretsManager", name))
	}
}

func (c *converter) deprecated(at, warning string) {
	c.result.Deprecated = append(c.result.Deprecated, at)
	c.result.Warnings = append(c.result.Warnings, warning)
}

// name is how the author calls a field.
func (c *converter) name(p path) *field.Path {
	if p[0] == "spec" && len(p) > 1 {
		return field.NewPath(c.specAt, p[1:]...)
	}
	return field.NewPath(p[0], p[1:]...)
}
