package eso

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/shared/plan"
)

// The values of fields that the code needs.
const (
	creationOwner         = "Owner"
	creationOrphan        = "Orphan"
	creationMerge         = "Merge"
	creationCreateOrMerge = "CreateOrMerge"
	creationNone          = "None"

	deletionRetain = "Retain"
	deletionDelete = "Delete"
	deletionMerge  = "Merge"

	refreshPeriodic    = "Periodic"
	refreshCreatedOnce = "CreatedOnce"
	refreshOnChange    = "OnChange"

	windowsAllow = "allow"
	windowsDeny  = "deny"
	maxWindows   = 50
)

// maxText bounds properties, versions and patterns, in characters, as the CRD does.
const maxProperty, maxText = 1024, 2048

// builder makes the Plan of one object.
type builder struct {
	*plan.Builder
	installation *Installation
	resolved     dialect.Resolved
	// ours: the syncer serves the object. What it does not serve is an error then. External Secrets Operator may serve it elsewhere.
	ours    bool
	sources map[dialect.Reference]*source // by store; nil: it cannot be used, which has been said
}

// begin begins the plan of an object of a kind.
func (i *Installation) begin(object metav1.Object, kind string, resolved dialect.Resolved) *builder {
	return &builder{
		Builder: plan.Build(object, v1.GroupVersion.WithKind(kind), &words), installation: i, resolved: resolved,
		sources: map[dialect.Reference]*source{},
	}
}

// unserved says that a field at a path is not served: it is an error of the syncer's objects. Those of another controller are
// judged without it.
func (b *builder) unserved(at *field.Path, detail string) {
	if b.ours {
		b.Fail(field.Forbidden(at, detail))
		return
	}
	b.Warn("%s is not judged: Secretgate does not serve it", at)
}

func (i *Installation) parse(es *v1.ExternalSecret, resolved dialect.Resolved) (*plan.Plan, field.ErrorList) {
	b := i.begin(es, v1.Kind, resolved)
	b.ours = i.Serves(es, resolved)
	b.Plan.ForceSync = v1.Version(es)
	at := field.NewPath("spec")
	b.classes(es)
	b.target(at.Child("target"), es)
	b.refresh(at, &es.Spec)
	b.entries(at, es)
	if es.Spec.Target.Template != nil {
		b.template(at.Child("target", "template"), es.Spec.Target.Template)
	} else {
		b.Plan.Template.Labels, b.Plan.Template.Annotations = plan.Inherited(es.Labels), plan.Inherited(es.Annotations)
		b.SecretType(at, "")
	}
	b.Plan.Template.Removed = []string{v1.AnnotationDataHash}
	return b.Done()
}

// classes refuses an object whose stores are of several controllers: each of them leaves the object alone.
func (b *builder) classes(es *v1.ExternalSecret) {
	var first *storeRef
	served := false
	for _, r := range storesOf(es) {
		spec, found := specOf(b.resolved, r.Reference)
		switch {
		case !found:
		case first == nil:
			first, served = &r, b.installation.serves(spec)
		case b.installation.serves(spec) != served:
			b.Fail(field.Forbidden(r.at, "is of another controller than "+first.String()+
				", so that none syncs the object: use stores with the same spec.controller, or make two objects of it"))
		}
	}
}

// target is the Secret to make.
func (b *builder) target(at *field.Path, es *v1.ExternalSecret) {
	t := &es.Spec.Target
	if t.Name != "" {
		b.SecretName(at.Child("name"), t.Name)
	}
	target := &b.Plan.Target
	target.AdoptExisting = true
	target.DeletionPolicy = plan.DeletionDelete
	switch t.CreationPolicy {
	case "", creationOwner:
	case creationOrphan:
		target.DeletionPolicy = plan.DeletionRetain
	case creationMerge:
		target.DeletionPolicy, target.Sharing = plan.DeletionRetain, plan.Merge
	case creationCreateOrMerge:
		target.DeletionPolicy, target.Sharing = plan.DeletionRetain, plan.CreateOrMerge
	case creationNone:
		b.unserved(at.Child("creationPolicy"), "None is not served, since it makes no Secret: remove the object, or write another policy")
	default:
		b.Fail(field.NotSupported(at.Child("creationPolicy"), t.CreationPolicy,
			[]string{creationOwner, creationOrphan, creationMerge, creationCreateOrMerge}))
	}
	switch shared := target.Sharing != plan.Exclusive; {
	case t.DeletionPolicy == deletionDelete && shared:
		b.Fail(field.Forbidden(at.Child("deletionPolicy"),
			"Delete would delete a Secret that another client makes: write Merge, or creationPolicy: Owner"))
	case t.DeletionPolicy == deletionDelete:
		target.DeleteEmpty = target.DeletionPolicy == plan.DeletionDelete
	case t.DeletionPolicy != "" && t.DeletionPolicy != deletionRetain && t.DeletionPolicy != deletionMerge:
		b.Fail(field.NotSupported(at.Child("deletionPolicy"), t.DeletionPolicy, []string{deletionRetain, deletionDelete, deletionMerge}))
	}
	if t.Immutable {
		b.Plan.Template.Immutable, target.Final = &t.Immutable, true
	}
	if t.Manifest != nil {
		b.Fail(field.Forbidden(at.Child("manifest"), "is not served: Secrets alone are made"))
	}
}

// entries are dataFrom's, and then data's, which win.
func (b *builder) entries(at *field.Path, es *v1.ExternalSecret) {
	spec := &es.Spec
	switch n := len(spec.Data) + len(spec.DataFrom); {
	case n == 0:
		b.Fail(field.Required(at, "at least one entry in data or dataFrom is needed"))
	case n > plan.MaxEntries:
		b.Fail(field.TooMany(at, n, plan.MaxEntries))
		return
	}
	for n := range spec.DataFrom {
		b.dataFrom(at.Child("dataFrom").Index(n), es, &spec.DataFrom[n])
	}
	named := map[string]bool{}
	for n := range spec.Data {
		at, data := at.Child("data").Index(n), &spec.Data[n]
		b.EntryName(at.Child("secretKey"), data.SecretKey)
		if named[data.SecretKey] {
			b.Fail(field.Duplicate(at.Child("secretKey"), data.SecretKey))
		}
		named[data.SecretKey] = true
		b.remote(at, es, data.SourceRef, &data.RemoteRef, plan.Entry{
			Field: at.String(), KeyField: at.Child("remoteRef", "key").String(), Name: data.SecretKey,
		}, at.Child("remoteRef"))
		conversionAt := at.Child("remoteRef", "conversionStrategy")
		if b.conversion(conversionAt, data.RemoteRef.ConversionStrategy) != plan.Underscore {
			b.Warn("%s has no meaning here, where secretKey names the entry, and is ignored: remove it", conversionAt)
		}
	}
}

func (b *builder) dataFrom(at *field.Path, es *v1.ExternalSecret, from *v1.DataFrom) {
	switch {
	case from.SourceRef != nil && from.SourceRef.GeneratorRef != nil:
		b.source(at, es, from.SourceRef) // which says that there are none
		return
	case from.Extract != nil && from.Find != nil:
		b.Fail(field.Forbidden(at.Child("find"), "extract is set, too: make two elements of dataFrom"))
		return
	case from.Extract == nil && from.Find == nil:
		b.Fail(field.Required(at, "extract or find is needed"))
		return
	}
	naming := &plan.Naming{Rewrites: b.rewrites(at.Child("rewrite"), from.Rewrite), Field: at.Child("rewrite").String()}
	switch e := (plan.Entry{Field: at.String(), Naming: naming}); {
	case from.Extract != nil:
		ref := from.Extract
		naming.Conversion = b.conversion(at.Child("extract", "conversionStrategy"), ref.ConversionStrategy)
		e.Kind, e.KeyField = plan.Members, at.Child("extract", "key").String()
		b.remote(at, es, from.SourceRef, ref, e, at.Child("extract"))
	default:
		naming.Conversion = b.conversion(at.Child("find", "conversionStrategy"), from.Find.ConversionStrategy)
		e.Kind, e.KeyField = plan.Tree, at.Child("find", "path").String()
		b.find(at, es, from, e)
	}
}

// remote adds the entry of a value.
func (b *builder) remote(at *field.Path, es *v1.ExternalSecret, own *v1.SourceRef, ref *v1.RemoteRef, e plan.Entry, refAt *field.Path) {
	b.Short(refAt.Child("property"), ref.Property, maxProperty)
	b.Short(refAt.Child("version"), ref.Version, maxText)
	b.strategies(refAt, &ref.Strategies, &e)
	switch ref.MetadataPolicy {
	case "", "None":
	case "Fetch":
		b.unserved(refAt.Child("metadataPolicy"), "Fetch is not served: tags and labels of a value are not read; write None")
	default:
		b.Fail(field.NotSupported(refAt.Child("metadataPolicy"), ref.MetadataPolicy, []string{"None", "Fetch"}))
	}
	s := b.source(at, es, own)
	if s == nil {
		if ref.Key == "" {
			b.Fail(field.Required(refAt.Child("key"), "the backend's name of the value"))
		}
		return
	}
	if s.backend == nil {
		e.Source.Key = ref.Key
		b.Plan.Entries = append(b.Plan.Entries, e)
		return
	}
	e.Property, e.Syntax = ref.Property, s.syntax
	if b.ours {
		b.Canonical(refAt.Child("property"), ref.Property, plan.GJSONPath)
	}
	e.Source.Store = s.store
	e.Source.Read = s.read(b, refAt, ref)
	e.Source.Optional = b.optional(es)
	s.backend.Add(b.Builder, e, refAt.Child("key"))
}

// optional reports whether a value that is gone is left out.
func (b *builder) optional(es *v1.ExternalSecret) bool {
	policy := es.Spec.Target.DeletionPolicy
	return policy == deletionDelete || policy == deletionMerge
}

// find adds the entry of all values that are found.
func (b *builder) find(at *field.Path, es *v1.ExternalSecret, from *v1.DataFrom, e plan.Entry) {
	find, findAt := from.Find, at.Child("find")
	b.strategies(findAt, &find.Strategies, &e)
	if find.Name == nil && len(find.Tags) == 0 && find.Path == nil {
		b.Fail(field.Required(findAt, "path, name or tags are needed"))
		return
	}
	if find.Name != nil {
		b.Canonical(findAt.Child("name", "regexp"), find.Name.RegExp, plan.NamePattern)
		e.Matching = plan.ListOf(find.Name.RegExp)
	}
	s := b.source(at, es, from.SourceRef)
	switch {
	case s == nil:
		return
	case s.backend == nil:
		e.Source.Read = plan.Read{Path: true}
		if find.Path != nil {
			e.Source.Key = *find.Path
		}
		b.Plan.Entries = append(b.Plan.Entries, e)
		return
	case s.find == nil:
		b.unserved(findAt, "is not served for this provider: name the values one by one")
		return
	}
	read, ok := s.find(b, findAt, find)
	if !ok {
		return
	}
	e.Source, e.Syntax = plan.Source{Store: s.store, Read: read}, s.syntax
	e.Source.Optional = b.optional(es)
	b.Plan.Entries = append(b.Plan.Entries, e)
}
