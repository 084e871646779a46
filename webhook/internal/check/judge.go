package check

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/near"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/webhook/internal/admit"
)

// judge tells what would become of an ExternalSecret that is created, with all reasons at once: the
// API server would stop at the first stage that fails.
func (c *Checker) judge(ctx context.Context, o object) *findings {
	f := c.about(o)
	pruned := c.form(f, c.schema)
	conversion := admit.Convert(pruned, nil, admit.Writer{})
	f.errors(Conflict, conversion.Conflicts)
	for i, path := range conversion.Deprecated {
		f.add(Warning, Deprecated, path, strings.TrimPrefix(conversion.Warnings[i], path+" "))
	}
	converted := runtime.DeepCopyJSON(conversion.Object)
	for _, path := range c.schema.prune(converted) { // the inside of secretDescriptor
		f.add(Warning, UnknownField, path, "is not a field of the CRD and has no effect"+c.schema.fieldNear(path))
	}
	f.dropNulls(c.schema, converted)
	misfits := c.schema.validate(ctx, converted)
	f.errors(Schema, c.schema.guess(misfits, converted))
	es, err := typed(converted)
	if err != nil {
		return f // its metadata does not fit, which was said
	}
	es.Namespace = c.namespaceOf(o)
	p, errs := plan.Examine(es, c.Defaults)
	f.errors(Invalid, unsaid(errs, misfits, p != nil))
	if p != nil {
		f.advise(p.Warnings)
		f.advise(policy.Unserved(p, c.Settings))
		c.policy(ctx, f, p)
	}
	return f
}

// judgeDefinition tells what would become of a SecretDefinition, likewise.
func (c *Checker) judgeDefinition(ctx context.Context, o object) *findings {
	f := c.about(o)
	pruned := c.form(f, c.definitionSchema)
	misfits := c.definitionSchema.validate(ctx, pruned)
	raw, err := json.Marshal(pruned)
	if err != nil {
		return f
	}
	p, errs, err := admit.SecretDefinitions(c.Definitions)(raw, c.namespaceOf(o))
	// The plan names the members of keysMap unmistakably.
	f.errors(Schema, c.definitionSchema.guess(unsaid(misfits, errs, true), pruned))
	if err != nil {
		return f // a type that does not fit, which the schema says
	}
	f.errors(Invalid, c.definitionSchema.guess(errs, pruned))
	f.advise(p.Warnings)
	c.policy(ctx, f, p)
	return f
}

// form checks what the API server asks of any object, and returns the object without the fields that the schema does not know.
func (c *Checker) form(f *findings, s *schema) map[string]any {
	c.repeated(f)
	checkMetadata(f)
	f.judgeAnnotations(c.Settings)
	pruned := runtime.DeepCopyJSON(f.object.value)
	delete(pruned, "status") // a client cannot set it
	for _, path := range s.prune(pruned) {
		f.add(Error, UnknownField, path, "is not a field of the CRD: kubectl refuses it, other clients drop it silently"+s.fieldNear(path))
	}
	f.dropNulls(s, pruned)
	return pruned
}

// dropNulls removes what is null, and says who refuses it.
func (f *findings) dropNulls(s *schema, value map[string]any) {
	for _, path := range s.dropNulls(value) {
		f.add(Warning, Advice, path, "is null: kubectl apply and create take it for absent, server-side apply (Flux's, too) refuses it: "+
			"remove the field, or give it a value")
	}
}

// policy judges by the namespace.
func (c *Checker) policy(ctx context.Context, f *findings, p *plan.Plan) {
	ns, ok := c.namespace(ctx, f, p.Object.Namespace)
	if !ok {
		return
	}
	f.errors(Policy, policy.Check(p, ns, c.Settings).Errors())
	f.advise(policy.Warnings(p, ns))
}

func (c *Checker) about(o object) *findings {
	name := o.metadata("name")
	if name == "" {
		name = o.metadata("generateName")
	}
	return &findings{object: o, name: c.namespaceOf(o) + "/" + name}
}

func (c *Checker) namespaceOf(o object) string {
	if name := o.metadata("namespace"); name != "" {
		return name
	}
	return c.Namespace
}

func (c *Checker) repeated(f *findings) {
	if f.object.node == nil {
		return
	}
	for _, r := range repeated(f.object.node, "", nil) {
		f.add(Error, DuplicateField, r.path, "occurs twice: kubectl refuses it, other clients take the last")
		last := &f.list[len(f.list)-1]
		last.Line, last.Column = f.object.doc.at(f.object.doc.places.offset(r.key))
	}
}

func checkMetadata(f *findings) {
	meta, ok := metadataOf(f)
	if !ok {
		return
	}
	meta.Namespace = "default"
	if name := f.object.metadata("namespace"); name != "" {
		meta.Namespace = name
	}
	meta.ManagedFields, meta.OwnerReferences = nil, nil // what an export of stored objects has
	f.errors(Metadata, apivalidation.ValidateObjectMeta(meta, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata")))
}

// metadataOf reads an object's metadata as the API server does, and says what is wrong with its form.
func metadataOf(f *findings) (meta *metav1.ObjectMeta, ok bool) {
	clean := true
	for _, name := range []string{"labels", "annotations"} {
		_, others := f.object.texts(name)
		for _, key := range others {
			f.add(Error, Metadata, field.NewPath("metadata", name).Key(key).String(), "must be a text: write it in quotes")
			clean = false
		}
	}
	meta, found, unknown, err := objectmeta.GetObjectMetaWithOptions(f.object.value, objectmeta.ObjectMetaOptions{
		DropMalformedFields: !clean, ReturnUnknownFieldPaths: true,
	})
	if err != nil {
		f.add(Error, Metadata, "metadata", "does not have the form of an object's metadata")
		return nil, false
	}
	for _, path := range unknown {
		name := path[strings.LastIndexByte(path, '.')+1:]
		f.add(Error, UnknownField, path, "is not a field of metadata: kubectl refuses it, other clients drop it silently"+
			didYouMean(near.Name(name, []string{"name", "generateName", "namespace", "labels", "annotations", "finalizers"})))
	}
	if !found {
		meta = &metav1.ObjectMeta{}
	}
	return meta, clean
}

// judgeAnnotations says which of an object's annotations look as if they meant something, and do not.
func (f *findings) judgeAnnotations(s policy.Settings) {
	onNamespaces := append(s.PatternAnnotations(), policy.Switches()...)
	texts, _ := f.object.texts("annotations")
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		message := "means nothing on this object"
		switch meant := near.Typo(key, []string{apiv1.AnnotationForceSync}); {
		case meant == key:
			continue
		case meant != "":
			message += didYouMean(meant)
		case slices.Contains(onNamespaces, key):
			message += ": it counts on the Namespace"
		case !strings.HasPrefix(key, apiv1.ReservedPrefix):
			continue
		}
		f.add(Warning, Advice, field.NewPath("metadata", "annotations").Key(key).String(), message)
	}
}

// didYouMean is the end of a message that asks for it.
func didYouMean(meant string) string {
	if meant == "" {
		return ""
	}
	return "; did you mean " + meant + "?"
}

func typed(value map[string]any) (*apiv1.ExternalSecret, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	es := &apiv1.ExternalSecret{}
	return es, json.Unmarshal(raw, es)
}

// unsaid drops what the schema has said already, in its own words, about the same field or what
// holds it. Where nothing was understood, the schema knows better.
func unsaid(errs, said field.ErrorList, understood bool) field.ErrorList {
	if !understood && len(said) > 0 {
		return nil
	}
	var rest field.ErrorList
	for _, err := range errs {
		if !alreadySaid(err, said) {
			rest = append(rest, err)
		}
	}
	return rest
}

func alreadySaid(err *field.Error, said field.ErrorList) bool {
	for _, other := range said {
		switch {
		case plainly(other.Field) == plainly(err.Field):
			return true
		case other.Field == "spec": // of the whole: that something is missing
			if err.Type == field.ErrorTypeRequired {
				return true
			}
		case strings.HasPrefix(err.Field, other.Field+".") || strings.HasPrefix(err.Field, other.Field+"["):
			return true
		}
	}
	return false
}

// plainly spells a path as schemas do, which tell members of a map by dots.
func plainly(path string) string { return strings.NewReplacer("[", ".", "]", "").Replace(path) }

// advise passes on what admission would warn of.
func (f *findings) advise(warnings []string) {
	for _, warning := range warnings {
		path, message := pathIn(warning)
		f.add(Warning, Advice, path, message)
	}
}

// pathIn takes the path from the front of a warning.
func pathIn(warning string) (path, message string) {
	path, message, found := strings.Cut(warning, " ")
	if !found || !strings.Contains(path, ".") {
		return "", warning
	}
	return strings.TrimSuffix(path, ":"), message
}
