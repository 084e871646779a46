package vso

import (
	"encoding/json"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/template"
)

// The names by which templates see what there is.
const (
	inputSecrets     = "Secrets"
	inputMetadata    = "Metadata"
	inputAnnotations = "Annotations"
	inputLabels      = "Labels"
)

// As the CRD does: maxRefs bounds how many SecretTransformations an object names, and maxSources how many texts each has for others.
const maxRefs, maxSources = 100, 100

// transformation is which fields of a secret are entries.
type transformation struct{ includes, excludes plan.List }

// patterns are lists of several objects, in one.
type patterns struct{ includes, excludes []string }

// text is a template that makes an entry.
type text struct {
	at *field.Path
	v1beta1.Template
}

// gathered is what an object and the SecretTransformations that it refers to say together.
type gathered struct {
	patterns
	own, refs map[string]text // by the entries that they make
	library   []template.Text
	seen      map[dialect.Reference]bool // whose library is among it
}

// transform understands the transformation of an object, which is at a path.
func (b *builder) transform(at *field.Path, vss *v1beta1.VaultStaticSecret) transformation {
	t := &vss.Spec.Destination.Transformation
	g := &gathered{own: map[string]text{}, refs: map[string]text{}, seen: map[dialect.Reference]bool{}}
	before := len(b.Errs)
	b.patterns(at, &g.patterns, t.Includes, t.Excludes)
	for _, key := range slices.Sorted(maps.Keys(t.Templates)) {
		g.own[key] = text{at.Child("templates").Key(key), t.Templates[key]}
	}
	if n := len(t.TransformationRefs); n > maxRefs {
		b.Fail(field.TooMany(at.Child("transformationRefs"), n, maxRefs))
		return transformation{}
	}
	for n := range t.TransformationRefs {
		b.refer(at.Child("transformationRefs").Index(n), g, &t.TransformationRefs[n])
	}
	b.make(g)
	if len(b.Plan.Template.Made) > 0 {
		b.Plan.Template.Inputs = map[string][]byte{
			inputAnnotations: object(vss.Annotations), inputLabels: object(vss.Labels),
		}
	}
	if len(b.Errs) > before || len(t.TransformationRefs) == 0 {
		return transformation{plan.ListOf(g.includes...), plan.ListOf(g.excludes...)}
	}
	return transformation{b.Patterns(at, g.includes), b.Patterns(at, g.excludes)} // which are bounded together, too
}

// patterns adds lists of patterns that are at a path, each of which must be one.
func (b *builder) patterns(at *field.Path, to *patterns, includes, excludes []string) {
	b.Patterns(at.Child("includes"), includes)
	b.Patterns(at.Child("excludes"), excludes)
	to.includes, to.excludes = append(to.includes, includes...), append(to.excludes, excludes...)
}

// localTransformation is the SecretTransformation that a reference at a path names.
func localTransformation(at *field.Path, own string, ref v1beta1.TransformationRef) (dialect.Reference, *field.Error) {
	r, wrong := dialect.Local(at, transformationKind, own, ref.Namespace, ref.Name)
	if wrong == nil && plan.ObjectName(ref.Name) != "" {
		return dialect.Reference{}, field.Invalid(at.Child("name"), ref.Name, plan.ObjectName(ref.Name))
	}
	return r, wrong
}

// refer adds what a SecretTransformation says, to which a reference at a path refers.
func (b *builder) refer(at *field.Path, g *gathered, ref *v1beta1.TransformationRef) {
	r, wrong := localTransformation(at, b.Plan.Object.Namespace, *ref)
	if wrong != nil {
		b.Fail(wrong)
		return
	}
	found, missing := dialect.Find[*v1beta1.SecretTransformation](b.resolved, at, r)
	if missing != nil {
		b.Fail(missing)
		return
	}
	spec, specAt := &found.Spec, r.Path().Child("spec")
	var more patterns
	b.patterns(specAt, &more, spec.Includes, spec.Excludes)
	if !ref.IgnoreIncludes {
		g.includes = append(g.includes, more.includes...)
	}
	if !ref.IgnoreExcludes {
		g.excludes = append(g.excludes, more.excludes...)
	}
	if !g.seen[r] {
		g.seen[r] = true
		g.library = append(g.library, b.library(specAt, spec)...)
	}
	refs := ref.TemplateRefs
	if len(refs) == 0 {
		for _, key := range slices.Sorted(maps.Keys(spec.Templates)) {
			refs = append(refs, v1beta1.TemplateRef{Name: key})
		}
	}
	for n, one := range refs {
		made, there := spec.Templates[one.Name]
		if !there {
			err := field.NotFound(at.Child("templateRefs").Index(n).Child("name"), one.Name)
			err.Detail = "there is no such template in " + r.String() + " yet"
			b.Fail(err)
			continue
		}
		key := one.Name
		if one.KeyOverride != "" {
			key = one.KeyOverride
		}
		if other, both := g.refs[key]; both {
			b.Warn("%s makes the entry %s, which %s makes, too; the latter has no effect: set keyOverride", at, key, other.at)
		}
		g.refs[key] = text{specAt.Child("templates").Key(one.Name), made}
	}
}

// library are the templates of a SecretTransformation, whose spec is at a path, that make nothing.
func (b *builder) library(at *field.Path, spec *v1beta1.SecretTransformationSpec) []template.Text {
	at = at.Child("sourceTemplates")
	if n := len(spec.SourceTemplates); n > maxSources {
		b.Fail(field.TooMany(at, n, maxSources))
		return nil
	}
	all := make([]template.Text, 0, len(spec.SourceTemplates))
	for n, one := range spec.SourceTemplates {
		all = append(all, template.Text{Field: at.Index(n).String(), Name: one.Name, Source: one.Text})
	}
	return all
}

// make has the templates make entries. Those of the object win.
func (b *builder) make(g *gathered) {
	all := map[string]text{}
	maps.Copy(all, g.refs)
	maps.Copy(all, g.own)
	if len(all) > plan.MaxEntries {
		b.Fail(field.TooMany(field.NewPath("spec"), len(all), plan.MaxEntries))
		return
	}
	named := map[string]template.Text{}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		one := all[key]
		b.Make(one.at, plan.InStringData, key, one.Text)
		made := &b.Plan.Template.Made[len(b.Plan.Template.Made)-1].Text
		made.Name = one.Name
		b.name(named, made)
	}
	own := maps.Clone(named)
	for n := range g.library {
		if text := &g.library[n]; own[text.Name].Field != "" {
			text.Name = "" // that of an entry wins
		} else {
			b.name(named, text)
		}
	}
	if len(all) > 0 {
		b.Plan.Template.Engine = template.Go
		b.Plan.Template.Options = template.Options{MissingKey: "error", JSON: true, Library: g.library}
	}
}

// name lets other templates call a text by its name, if it has one. One of two equal ones is enough; two that differ are refused.
func (b *builder) name(named map[string]template.Text, text *template.Text) {
	other, both := named[text.Name]
	switch {
	case text.Name == "":
	case !both:
		named[text.Name] = *text
	case other.Source == text.Source:
		text.Name = ""
	default:
		b.Fail(field.Invalid(field.NewPath(text.Field), text.Name, "is the name of "+other.Field+", too: rename one of the templates"))
	}
}

// shared judges the form of a SecretTransformation, whose spec is at a path.
func (b *builder) shared(at *field.Path, t *v1beta1.SecretTransformation) {
	b.patterns(at, &patterns{}, t.Spec.Includes, t.Spec.Excludes)
	g := &gathered{own: map[string]text{}, library: b.library(at, &t.Spec)}
	for key, one := range t.Spec.Templates {
		g.own[key] = text{at.Child("templates").Key(key), one}
	}
	b.make(g)
	if len(b.Plan.Template.Made) > 0 {
		none := []byte("{}")
		b.Plan.Template.Inputs = map[string][]byte{inputSecrets: none, inputMetadata: none, inputAnnotations: none, inputLabels: none}
	}
}

// object is a map as JSON.
func object(texts map[string]string) []byte {
	if texts == nil {
		texts = map[string]string{}
	}
	raw, err := json.Marshal(texts)
	if err != nil { // which no map of texts makes
		return []byte("{}")
	}
	return raw
}
