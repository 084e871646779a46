package check

import (
	"context"
	"maps"
	"slices"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/near"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/webhook/internal/admit"
)

// judge says what would become of an object that is created, with all reasons at once: the
// API server would stop at the first stage that fails.
func (c *Checker) judge(ctx context.Context, o object, s served) *findings {
	f := c.about(o)
	pruned := c.form(f, s.form)
	conversion := admit.Convert(s.deprecations, pruned, nil, admit.Writer{})
	f.errors(Conflict, conversion.Conflicts)
	for i, path := range conversion.Deprecated {
		f.add(Warning, Deprecated, path, strings.TrimPrefix(conversion.Warnings[i], path+" "))
	}
	converted := runtime.DeepCopyJSON(conversion.Object)
	for _, path := range s.form.prune(converted) { // the inside of a deprecated field
		f.add(Warning, UnknownField, path, "is not a field of the CRD and has no effect"+s.form.fieldNear(path))
	}
	f.dropNulls(s.form, converted)
	misfits := s.form.validate(ctx, converted)
	found, err := c.parse(ctx, converted, o, s)
	if err != nil { // a type that does not fit, which mostly was said
		f.errors(Schema, guess(misfits, nil))
		if !slices.ContainsFunc(f.list, func(one Finding) bool { return one.Severity == Error }) {
			f.add(Error, Invalid, "", "cannot be read: "+err.Error())
		}
		return f
	}
	wrong := found.wrong
	if s.form != nil && s.form.dotted {
		misfits = unsaid(misfits, wrong, true)
	} else {
		wrong = unsaid(wrong, misfits, found.plan != nil || s.kind == nil && s.ClusterWide)
	}
	f.errors(Schema, guess(misfits, found.wrong))
	c.report(ctx, f, s, found, Invalid, guess(wrong, nil))
	c.missing(ctx, f, s, found)
	if found.plan != nil {
		f.warn(found.plan.Warnings)
		c.templates(ctx, f, found.plan)
		if !s.ClusterWide { // else no namespace judges it
			c.policy(ctx, f, s, found)
		}
	}
	return f
}

// parseResult is what a dialect makes of an object.
type parseResult struct {
	object         dialect.Object
	plan           *plan.Plan // nil: nothing of the object is valid, or there is nothing to read
	wrong, missing field.ErrorList
	references     []dialect.Reference
	problems       map[dialect.Reference]error // why what is missing is not known
}

// parse makes a Plan of an object without deprecated fields, with what it refers to. The error is for one that cannot be decoded.
func (c *Checker) parse(ctx context.Context, value map[string]any, o object, s served) (found parseResult, err error) {
	object, err := s.typed(value, c.namespaceFor(s, o))
	if err != nil || s.planner == nil {
		return found, err
	}
	found.object = object
	problems := map[dialect.Reference]error{}
	references := dialect.ReferencesOf(s.planner, object)
	resolved, wanted, _ := dialect.Resolve(references, func(wanted []dialect.Reference) (dialect.Resolved, error) {
		some, why := c.resolve(ctx, wanted)
		maps.Copy(problems, why)
		return some, nil
	})
	p, errs := s.planner.Plan(object, resolved)
	found.plan, found.references, found.problems = p, wanted, problems
	found.wrong, found.missing = dialect.Split(errs)
	return found, nil
}

// templates compiles those of a plan.
func (c *Checker) templates(ctx context.Context, f *findings, p *plan.Plan) {
	if c.Templates == nil {
		return
	}
	wrong, doubts, err := c.Templates(ctx, p)
	if err != nil {
		f.add(Error, Invalid, "", "its templates cannot be compiled: "+err.Error())
	}
	f.errors(Invalid, wrong)
	f.warn(doubts)
}

// form checks what the API server asks of any object, and returns the object without the fields that the schema does not know.
func (c *Checker) form(f *findings, demanded *form) map[string]any {
	c.repeated(f)
	checkMetadata(f)
	f.judgeAnnotations(c.Settings)
	pruned := runtime.DeepCopyJSON(f.object.value)
	delete(pruned, "status") // a client cannot set it
	for _, path := range demanded.prune(pruned) {
		f.add(Error, UnknownField, path, "is not a field of the CRD: kubectl refuses it, other clients drop it silently"+demanded.fieldNear(path))
	}
	f.dropNulls(demanded, pruned)
	return pruned
}

// dropNulls removes what is null, and says who refuses it.
func (f *findings) dropNulls(demanded *form, value map[string]any) {
	for _, path := range demanded.dropNulls(value) {
		f.add(Warning, Advice, path, "is null: kubectl apply and create take it for absent, server-side apply (Flux's, too) refuses it: "+
			"remove the field, or give it a value")
	}
}

// policy judges by the namespace.
func (c *Checker) policy(ctx context.Context, f *findings, s served, found parseResult) {
	ns, ok := c.namespace(ctx, f, found.plan.Object.Namespace)
	if !ok {
		return
	}
	c.report(ctx, f, s, found, Policy, policy.Check(found.plan, ns, c.Settings).Errors())
	f.warn(policy.Warnings(found.plan, ns))
}

func (c *Checker) about(o object) *findings {
	name := o.metadata("name")
	if name == "" {
		name = o.metadata("generateName")
	}
	s, _ := c.apis.of(o)
	if namespace := c.namespaceFor(s, o); namespace != "" {
		name = namespace + "/" + name
	}
	return &findings{object: o, name: name, moves: s.deprecations.Moves}
}

// namespaceFor is where an object of a kind will be.
func (c *Checker) namespaceFor(s served, o object) string {
	if s.form != nil && !s.form.namespaced || s.form == nil && s.ClusterWide {
		return ""
	}
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
		switch meant := near.Typo(key, []string{names.AnnotationForceSync, names.AnnotationRestart}); {
		case meant == key:
			continue
		case meant != "":
			message += didYouMean(meant)
		case slices.Contains(onNamespaces, key):
			message += ": it counts on the Namespace"
		case !strings.HasPrefix(key, names.ReservedPrefix):
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

// warn passes on what admission would warn of.
func (f *findings) warn(warnings []string) {
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
