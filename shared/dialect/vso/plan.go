package vso

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// maxTargets bounds how many workloads an object names, as the CRD does.
const maxTargets = 100

// entryRaw is the entry with the whole answer.
const entryRaw = "_raw"

// durations matches what Vault Secrets Operator takes for one.
var durations = regexp.MustCompile(`^\d+(\.\d+)?[smh]$`)

const durationForm = "must be a number and one unit, such as 30s, 5m or 1h"

func isDuration(text string) bool { return durations.MatchString(text) }

// builder makes the Plan of one object.
type builder struct {
	*plan.Builder
	installation *Installation
	resolved     dialect.Resolved
	// ours: the syncer serves the object. What it does not serve is an error then. Else Vault Secrets Operator may serve it.
	ours bool
	// itself: the object is one that others refer to. What has no meaning is said to its author.
	itself bool
}

// begin begins the plan of an object of a kind.
func (i *Installation) begin(object metav1.Object, kind string, resolved dialect.Resolved) *builder {
	return &builder{
		Builder: plan.Build(object, v1beta1.GroupVersion.WithKind(kind), &words), installation: i, resolved: resolved, ours: i.Serve,
	}
}

// unserved says that a field at a path is not served: it is an error where the syncer serves the objects. Else they are judged without it.
func (b *builder) unserved(at *field.Path, detail string) {
	if b.ours {
		b.Fail(field.Forbidden(at, detail))
		return
	}
	b.Warn("%s is not judged: Secretgate does not serve it", at)
}

// choose has policy judge an aspect of Vault that no Store of the plan has.
func (b *builder) choose(a plan.Aspect, v value, annotation string) {
	if v.text == "" {
		return
	}
	of, _ := backend.Of(backend.Vault)
	b.Canonical(v.at, v.text, of.Store[a])
	b.Plan.Choices = append(b.Plan.Choices, plan.Choice{At: v.at.String(), Value: v.text, Annotation: annotation})
}

func (i *Installation) parse(vss *v1beta1.VaultStaticSecret, resolved dialect.Resolved) (*plan.Plan, field.ErrorList) {
	b := i.begin(vss, v1beta1.Kind, resolved)
	b.Plan.ForceSync = i.ForceSync(vss)
	at := field.NewPath("spec")
	b.target(at.Child("destination"), &vss.Spec.Destination)
	b.refresh(at, &vss.Spec)
	b.entries(at, vss, b.transform(at.Child("destination", "transformation"), vss))
	b.restarts(at.Child("rolloutRestartTargets"), vss.Spec.RolloutRestartTargets)
	if vss.Spec.SyncConfig != nil && vss.Spec.SyncConfig.InstantUpdates {
		b.unserved(at.Child("syncConfig", "instantUpdates"), "is not served: events of Vault Enterprise are not watched; write refreshAfter")
	}
	return b.Done()
}

// target is the Secret to make.
func (b *builder) target(at *field.Path, d *v1beta1.Destination) {
	b.SecretName(at.Child("name"), d.Name)
	target := &b.Plan.Target
	if d.Create {
		target.AdoptExisting = d.Overwrite
		b.SecretType(at.Child("type"), d.Type)
		b.Labels(at.Child("labels"), d.Labels)
		b.Annotations(at.Child("annotations"), d.Annotations)
		return
	}
	target.DeletionPolicy, target.Sharing = plan.DeletionRetain, plan.Merge
	b.SecretType(at.Child("type"), "")
	for _, one := range []struct {
		name string
		set  bool
	}{
		{"overwrite", d.Overwrite}, {"type", d.Type != ""}, {"labels", len(d.Labels) > 0}, {"annotations", len(d.Annotations) > 0},
	} {
		if one.set {
			b.Warn("%s has no meaning without create: true, and is ignored: another client makes the Secret", at.Child(one.name))
		}
	}
}

// refresh is when the secret is read again. Without an interval that is when the object is edited or forced, or its Secret is not as it was
// written.
func (b *builder) refresh(at *field.Path, spec *v1beta1.VaultStaticSecretSpec) {
	at = at.Child("refreshAfter")
	if spec.RefreshAfter != "" && !isDuration(spec.RefreshAfter) {
		b.Fail(field.Invalid(at, spec.RefreshAfter, durationForm))
		return
	}
	least := b.installation.MinRefreshInterval
	if !b.ours {
		least = 0
	}
	b.Interval(at, spec.RefreshAfter, least)
	b.Plan.Refresh.Never = b.Plan.Refresh.Never || spec.RefreshAfter == ""
}

// restarts are the workloads that are to be restarted.
func (b *builder) restarts(at *field.Path, targets []v1beta1.RolloutRestartTarget) {
	if len(targets) > maxTargets {
		b.Fail(field.TooMany(at, len(targets), maxTargets))
		return
	}
	for n, target := range targets {
		at := at.Index(n)
		switch target.Kind {
		case "Deployment", "DaemonSet", "StatefulSet", "argo.Rollout":
		default:
			b.Fail(field.NotSupported(at.Child("kind"), target.Kind, []string{"Deployment", "DaemonSet", "StatefulSet", "argo.Rollout"}))
		}
		if target.Name == "" {
			b.Fail(field.Required(at.Child("name"), "the name of the "+target.Kind))
		}
		b.Canonical(at.Child("name"), target.Name, plan.ObjectName)
	}
	if len(targets) > 0 && b.ours && !b.installation.Restarts {
		b.Warn("%s are not restarted in this installation, which lacks the component restarts: add it, or restart them by other means "+
			"when the Secret changes", at)
	}
}

// entries are what the Secret and the templates are made of: all of one answer.
func (b *builder) entries(at *field.Path, vss *v1beta1.VaultStaticSecret, t transformation) {
	read, ok := b.read(at, &vss.Spec)
	s := b.sourceOf(at, vss)
	if !ok || s == nil {
		return
	}
	if s.backend != nil {
		read = s.backend.Read(read)
	}
	keyAt := at.Child("path")
	add := func(e plan.Entry) {
		e.Field, e.KeyField, e.Source = keyAt.String(), keyAt.String(), plan.Source{Store: s.store, Read: read}
		if s.backend == nil { // keys are judged without it
			b.Plan.Entries = append(b.Plan.Entries, e)
			return
		}
		before := len(b.Errs)
		s.backend.Add(b.Builder, e, keyAt)
		if len(b.Plan.Entries) > 1 { // what is wrong with the key was said of the first
			b.Errs = b.Errs[:before]
		}
	}
	if len(b.Plan.Template.Made) > 0 {
		add(plan.Entry{Kind: plan.Single, Name: inputSecrets, Use: plan.InTemplates})
		add(plan.Entry{Kind: plan.Single, Name: inputMetadata, Portion: plan.Metadata, Use: plan.InTemplates})
	}
	add(plan.Entry{Kind: plan.Members, Use: plan.InSecret, Matching: t.includes, Excluding: t.excludes})
	if !b.installation.ExcludeRaw && !vss.Spec.Destination.Transformation.ExcludeRaw {
		add(plan.Entry{Kind: plan.Single, Name: entryRaw, Portion: plan.Answer, Use: plan.InSecret})
		b.Warn("%s: the Secret has an entry %s with the whole answer of Vault, which changes with each change of metadata: set excludeRaw: "+
			"true where nothing reads it", at.Child("destination", "transformation"), entryRaw)
	}
}

// read is what is read: the full logical path, as all dialects have it.
func (b *builder) read(at *field.Path, spec *v1beta1.VaultStaticSecretSpec) (read plan.Read, ok bool) {
	before := len(b.Errs)
	mount, path := trimmed(spec.Mount), trimmed(spec.Path)
	mountAt, pathAt := at.Child("mount"), at.Child("path")
	if mount == "" {
		b.Fail(field.Required(mountAt, "the mount of the key-value engine"))
	}
	b.Canonical(mountAt, mount, plan.Path)
	if path == "" {
		b.Fail(field.Required(pathAt, "the secret below the mount"))
	}
	b.Canonical(pathAt, path, plan.Path)
	switch spec.Type {
	case v1beta1.TypeKV1:
		read = plan.Read{Key: mount + "/" + path, EngineVersion: 1}
		if spec.Version != 0 {
			b.Fail(field.Forbidden(at.Child("version"), "an engine of version 1 has no versions: remove it, or write type: kv-v2"))
		}
	case v1beta1.TypeKV2:
		read = plan.Read{Key: mount + "/data/" + path, EngineVersion: 2}
		if spec.Version > 0 {
			read.Version = strconv.Itoa(int(spec.Version))
		}
		if strings.HasPrefix(path, "data/") {
			b.Warn("%s begins with data/, so that %s is read: remove it, unless the secret's own path begins so", pathAt, read.Key)
		}
	default:
		b.Fail(field.NotSupported(at.Child("type"), spec.Type, []string{v1beta1.TypeKV1, v1beta1.TypeKV2}))
	}
	if spec.Version < 0 {
		b.Fail(field.Invalid(at.Child("version"), spec.Version, "must not be negative; 0 is the latest"))
	}
	if strings.HasPrefix(path, mount+"/") {
		b.Warn("%s begins with the mount, so that %s is read: remove it, unless the secret's own path begins so", pathAt, read.Key)
	}
	return read, len(b.Errs) == before
}

// sourceOf is where and as whom an object reads; nil where that cannot be used, which is said.
func (b *builder) sourceOf(at *field.Path, vss *v1beta1.VaultStaticSecret) *source {
	refAt := at.Child("vaultAuthRef")
	ref, problem := b.installation.refTo(authKind, vss.Namespace, vss.Spec.VaultAuthRef)
	if problem != "" {
		b.Fail(field.Invalid(refAt, vss.Spec.VaultAuthRef, problem))
		return nil
	}
	b.permit(refAt, ref)
	foundAt := refAt
	if vss.Spec.VaultAuthRef == "" {
		foundAt = at // there is no field that names it
	}
	auth, missing := dialect.Find[*v1beta1.VaultAuth](b.resolved, foundAt, ref)
	if missing != nil {
		b.Fail(missing)
		return &source{}
	}
	if list := auth.Spec.AllowedNamespaces; ref.Namespace != vss.Namespace && !slices.Contains(list, anyNamespace) {
		b.confine(foundAt, ref, b.admitted(ref.Namespace, list))
	}
	return b.source(reading{
		at: ref.Path().Child("spec"), auth: auth, namespace: vss.Namespace, vault: value{vss.Spec.Namespace, at.Child("namespace")},
	})
}

// permit has policy judge which VaultAuth an object reads by: Kind/name, or Kind/namespace/name of another namespace.
func (b *builder) permit(at *field.Path, r dialect.Reference) {
	name := fmt.Sprintf("%s/%s", r.Kind.Kind, r.Name)
	if r.Namespace != b.Plan.Object.Namespace {
		name = fmt.Sprintf("%s/%s/%s", r.Kind.Kind, r.Namespace, r.Name)
	}
	b.Plan.Choices = append(b.Plan.Choices, plan.Choice{At: at.String(), Value: name, Annotation: names.AnnotationPermittedStore})
}
