package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/webhook/internal/admit"
)

// served is a kind of objects that are judged.
type served struct {
	dialect.Type
	empty        func() dialect.Object
	kind         dialect.Kind // nil: it is a kind that others refer to
	planner      planner      // nil: its form alone is judged
	deprecations dialect.Deprecations
	form         *form            // nil: its CRD is not known
	older        map[string]*form // of older versions that the CRD has
}

// planner makes Plans of objects.
type planner interface {
	References(object dialect.Object, resolved dialect.Resolved) []dialect.Reference
	Plan(object dialect.Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList)
}

// apis are the kinds that check reads: those that are judged, and Namespaces.
type apis []served

// prepare lists the kinds, each with the form that its CRD demands.
func (c *Checker) prepare() error {
	installed, err := c.definitions()
	if err != nil {
		return err
	}
	c.apis, c.own = nil, nil
	for _, kind := range c.Kinds {
		c.apis = append(c.apis, served{Type: kind.Type(), empty: kind.New, kind: kind, planner: kind, deprecations: admit.DeprecationsOf(kind)})
	}
	for _, store := range c.Stores {
		s := served{Type: store.Type(), empty: store.New}
		if judged, ok := store.(dialect.Judged); ok {
			s.planner = judged
		}
		if s.CRD == nil {
			c.own = append(c.own, s)
		} else {
			c.apis = append(c.apis, s)
		}
	}
	var problems []error
	for i := range c.apis {
		problems = append(problems, c.apis[i].prepare(installed))
	}
	return errors.Join(problems...)
}

// prepare reads the CRD of a kind: one that is installed, if that is known, else the built-in one.
func (s *served) prepare(installed map[schema.GroupKind]*apiextensionsv1.CustomResourceDefinition) (err error) {
	definition, source := installed[s.GroupKind()], "--crds"
	if definition == nil {
		if len(s.CRD) == 0 {
			return nil
		}
		definition, source = &apiextensionsv1.CustomResourceDefinition{}, "the built-in CRD"
		if err := yaml.Unmarshal(s.CRD, definition); err != nil {
			return fmt.Errorf("read %s of %s: %w", source, s.Kind, err)
		}
	}
	if s.form, err = newForm(definition, s.Version); err != nil {
		return fmt.Errorf("%s: %s: %w", source, s.Kind, err)
	}
	s.older = map[string]*form{}
	for _, version := range s.Versions {
		if !hasSchema(definition, version) {
			continue // that of the newest is as good
		}
		if s.older[version], err = newForm(definition, version); err != nil {
			return fmt.Errorf("%s: %s: %w", source, s.Kind, err)
		}
	}
	return nil
}

// as is the kind as objects of an older version have it: their version is spelled otherwise now.
func (s served) as(version string) served {
	before := s.GroupVersionKind
	before.Version = version
	s.deprecations.Spellings = append(slices.Clip(s.deprecations.Spellings), dialect.Spelling{
		At: dialect.Path{"apiVersion"}, Old: before.GroupVersion().String(), New: s.GroupVersion().String(),
	})
	if form := s.older[version]; form != nil {
		s.form = form
	}
	return s
}

// definitions reads the CRDs of files. Each input has to have a usable one.
func (c *Checker) definitions() (map[schema.GroupKind]*apiextensionsv1.CustomResourceDefinition, error) {
	found := map[schema.GroupKind]*apiextensionsv1.CustomResourceDefinition{}
	var problems []error
	for _, input := range c.CRDs {
		files, err := expand([]string{input})
		if err != nil {
			problems = append(problems, err)
			continue
		}
		known := 0
		for d := range c.documents(files) {
			all, err := d.definitions()
			if err != nil {
				problems = append(problems, err)
			}
			for _, definition := range all {
				kind := schema.GroupKind{Group: definition.Spec.Group, Kind: definition.Spec.Names.Kind}
				if slices.Contains(c.kinds(), kind) {
					found[kind] = definition
					known++
				}
			}
		}
		if known == 0 {
			problems = append(problems, fmt.Errorf("--crds: %s holds no CustomResourceDefinition of %s", input, c.kinds()))
		}
	}
	return found, errors.Join(problems...)
}

// kinds lists the names of all that is judged.
func (c *Checker) kinds() kindNames {
	var names kindNames
	for _, kind := range c.Kinds {
		names = append(names, kind.Type().GroupKind())
	}
	for _, store := range c.Stores {
		if store.Type().CRD != nil {
			names = append(names, store.Type().GroupKind())
		}
	}
	return names
}

type kindNames []schema.GroupKind

func (n kindNames) String() string {
	names := make([]string, len(n))
	for i, kind := range n {
		names[i] = kind.String()
	}
	return strings.Join(names, ", ")
}

// definitions lists the CRDs of a document.
func (d *document) definitions() ([]*apiextensionsv1.CustomResourceDefinition, error) {
	const kind = "CustomResourceDefinition"
	if d.failed != nil || !bytes.Contains(d.text, []byte(kind)) {
		return nil, d.failed
	}
	all, err := objects(*d)
	if err != nil {
		return nil, fmt.Errorf("--crds: %s:%d: %w", shown(d.file), d.line, err)
	}
	var found []*apiextensionsv1.CustomResourceDefinition
	for _, o := range all {
		if !o.is(apiextensionsv1.SchemeGroupVersion.String(), kind) {
			continue
		}
		raw, err := json.Marshal(o.value)
		definition := &apiextensionsv1.CustomResourceDefinition{}
		if err := errors.Join(err, json.Unmarshal(raw, definition)); err != nil {
			return nil, fmt.Errorf("--crds: %s:%d: %s: %w", shown(d.file), d.line, o.metadata("name"), err)
		}
		found = append(found, definition)
	}
	return found, nil
}

// of is the kind of an object, as its version has it.
func (a apis) of(o object) (served, bool) {
	is := o.api()
	for _, s := range a {
		switch {
		case is.kind != s.Kind || is.group != s.Group:
		case is.version == s.Version:
			return s, true
		case slices.Contains(s.Versions, is.version):
			return s.as(is.version), true
		}
	}
	return served{}, false
}

// names lists what the kinds call themselves, the newest versions first. Namespace is in no group.
func (a apis) names() []api {
	var all, older []api
	for _, s := range a {
		all = append(all, api{s.Group, s.Version, s.Kind})
		for _, version := range s.Versions {
			older = append(older, api{s.Group, version, s.Kind})
		}
	}
	return append(append(all, api{"", "v1", "Namespace"}), older...)
}

// mentions reports whether a document names a group of ours or a Namespace in plain letters.
func (a apis) mentions(d document) bool {
	return namespacePattern.Match(d.text) || slices.ContainsFunc(a, func(s served) bool { return bytes.Contains(d.text, []byte(s.Group)) })
}

// refersTo reports whether a document may hold, in plain letters, what others refer to.
func (a apis) refersTo(d document) bool {
	return slices.ContainsFunc(a, func(s served) bool { return s.kind == nil && bytes.Contains(d.text, []byte(s.Group)) })
}

// foreign reports whether a document need not be read: without an escape there is no other way to write
// the names that we look for. So the templates of a chart next to our manifests do no harm.
func (a apis) foreign(d document) bool {
	return d.err == nil && !a.mentions(d) && !a.resembles(d) && !bytes.ContainsRune(d.text, '\\')
}

// typed is an object of a kind as its dialect reads it.
func (s served) typed(value map[string]any, namespace string) (dialect.Object, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	object := s.empty()
	if err := json.Unmarshal(raw, object); err != nil {
		return nil, err
	}
	object.SetNamespace(namespace)
	return object, nil
}
