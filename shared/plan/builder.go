package plan

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/template"
)

const (
	// MaxEntries bounds what one object may ask for, as CRDs do by maxItems.
	MaxEntries = 1000
	// maxWarnings bounds how many warnings an object gets: the API server cuts what is longer than 4 KiB together, and says
	// nothing of the rest.
	maxWarnings = 20
	// MaxAnnotationBytes is the API server's own limit.
	MaxAnnotationBytes = 256 * 1024
)

// DefaultSecretType is the type of a Secret whose object names none.
const DefaultSecretType = "Opaque"

// forbiddenTypes are Secrets that authenticate to the cluster itself: the author of an
// object must not mint them with the syncer's rights.
var forbiddenTypes = map[string]string{
	"kubernetes.io/service-account-token": "a service account's token would be issued into it",
	"bootstrap.kubernetes.io/token":       "it would let nodes join the cluster",
}

// Builder fills a Plan and gathers what is wrong on the way, each with its path. All dialects use it, so that what is the same
// for all kinds of objects is judged alike.
type Builder struct {
	Plan *Plan
	Errs field.ErrorList
}

// Build begins the Plan of an object. Its Secret has the object's name, and goes with the object.
func Build(object metav1.Object, kind schema.GroupVersionKind, words *Words) *Builder {
	return &Builder{Plan: &Plan{
		Object:     IDOf(kind, object),
		Kind:       kind,
		UID:        object.GetUID(),
		Generation: object.GetGeneration(),
		Target:     Target{Name: object.GetName(), DeletionPolicy: DeletionDelete},
		Places:     map[Store]Places{},
		ForceSync:  object.GetAnnotations()[names.AnnotationForceSync],
		Words:      words,
	}}
}

// IDOf names an object of a kind.
func IDOf(kind schema.GroupVersionKind, object metav1.Object) ID {
	return ID{
		Kind:           kind.GroupKind(),
		NamespacedName: types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()},
	}
}

// Done is the Plan, and all that is wrong with its object. A Plan that comes with errors is never to be fetched.
func (b *Builder) Done() (*Plan, field.ErrorList) {
	if more := len(b.Plan.Warnings) - maxWarnings; more > 0 {
		b.Plan.Warnings = append(b.Plan.Warnings[:maxWarnings:maxWarnings], fmt.Sprintf("and %d more warnings", more))
	}
	return b.Plan, b.Errs
}

// Fail adds an error.
func (b *Builder) Fail(err *field.Error) { b.Errs = append(b.Errs, err) }

// Warn adds a sentence for the client that applies the object. It begins with a path.
func (b *Builder) Warn(format string, args ...any) {
	b.Plan.Warnings = append(b.Plan.Warnings, fmt.Sprintf(format, args...))
}

// Canonical refuses a value that its rule finds wrong. Empty values are the business of others.
func (b *Builder) Canonical(at *field.Path, value string, r Rule) {
	if value == "" || r == nil {
		return
	}
	if utf8.RuneCountInString(value) > MaxText {
		b.Fail(field.TooLongCharacters(at, value, MaxText))
		return
	}
	if problem := r(value); problem != "" {
		b.Fail(field.Invalid(at, value, problem))
	}
}

// Short refuses a value of more characters than the CRD lets it have: an older CRD may have let it pass.
func (b *Builder) Short(at *field.Path, value string, limit int) {
	if utf8.RuneCountInString(value) > limit {
		b.Fail(field.TooLongCharacters(at, value, limit))
	}
}

// EntryName refuses what is no name of an entry of a Secret.
func (b *Builder) EntryName(at *field.Path, name string) {
	for _, problem := range validation.IsConfigMapKey(name) {
		b.Fail(field.Invalid(at, name, problem))
	}
}

// SecretName sets the name of the Secret, which must be one.
func (b *Builder) SecretName(at *field.Path, name string) {
	b.Plan.Target.Name = name
	if name == "" {
		b.Fail(field.Required(at, "the name of the Secret"))
		return
	}
	for _, problem := range validation.IsDNS1123Subdomain(name) {
		b.Fail(field.Invalid(at, name, problem))
	}
}

// SecretType sets the type of the Secret, Opaque where the object names none.
func (b *Builder) SecretType(at *field.Path, name string) {
	if name == "" {
		name = DefaultSecretType
	}
	b.Plan.Template.Type = name
	if why, forbidden := forbiddenTypes[name]; forbidden {
		b.Fail(field.Forbidden(at, fmt.Sprintf("a Secret of type %s may not be made from %s: %s", name, b.Plan.Words.A(), why)))
	}
}

// Labels sets the labels of the Secret.
func (b *Builder) Labels(at *field.Path, labels map[string]string) {
	b.Plan.Template.Labels = labels
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		b.metadataKey(at.Key(key), key, key)
		for _, problem := range validation.IsValidLabelValue(labels[key]) {
			b.Fail(field.Invalid(at.Key(key), labels[key], problem))
		}
	}
}

// Annotations sets the annotations of the Secret.
func (b *Builder) Annotations(at *field.Path, annotations map[string]string) {
	b.Plan.Template.Annotations = annotations
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		b.metadataKey(at.Key(key), key, strings.ToLower(key)) // the API server cares for the case of labels alone
	}
	if AnnotationBytes(annotations) > MaxAnnotationBytes {
		b.Fail(field.TooLong(at, "", MaxAnnotationBytes))
	}
}

// AnnotationBytes is what annotations count against MaxAnnotationBytes.
func AnnotationBytes(annotations map[string]string) (size int) {
	for key, value := range annotations {
		size += len(key) + len(value)
	}
	return size
}

// Make has a template make a text. Its name is judged now; what the values make of it, once it is rendered.
func (b *Builder) Make(at *field.Path, part Part, name, source string) {
	switch part {
	case InLabels:
		b.metadataKey(at, name, name)
	case InAnnotations:
		b.metadataKey(at, name, strings.ToLower(name))
	default:
		b.EntryName(at, name)
	}
	b.Plan.Template.Made = append(b.Plan.Template.Made, Made{
		Text: template.Text{Field: at.String(), Source: source}, Part: part, Name: name,
	})
}

// metadataKey judges the key of a label or an annotation, which has to be a qualified name as it stands.
func (b *Builder) metadataKey(at *field.Path, key, name string) {
	if strings.HasPrefix(key, names.ReservedPrefix) {
		b.Fail(field.Forbidden(at, "keys under "+names.ReservedPrefix+" are Secretgate's own"))
	}
	for _, problem := range validation.IsQualifiedName(name) {
		b.Fail(field.Invalid(at, key, problem))
	}
}

// Data sets entries below those that are read, of base64. Errors do not show the values: a template should hold no secret, but it may.
func (b *Builder) Data(at *field.Path, texts map[string]string) {
	b.Plan.Template.Data = b.entries(at, texts, base64.StdEncoding.DecodeString)
}

// StringData sets entries above those that are read.
func (b *Builder) StringData(at *field.Path, texts map[string]string) {
	b.Plan.Template.StringData = b.entries(at, texts, func(text string) ([]byte, error) { return []byte(text), nil })
}

func (b *Builder) entries(at *field.Path, texts map[string]string, read func(string) ([]byte, error)) map[string][]byte {
	entries := make(map[string][]byte, len(texts))
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		b.EntryName(at.Key(key), key)
		value, err := read(texts[key])
		if err != nil {
			b.Fail(field.Invalid(at.Key(key), field.OmitValueType{}, "is not base64: use stringData for plain text"))
			continue
		}
		entries[key] = value
	}
	return entries
}

// Interval sets how often the object is refreshed, never more often than the least interval. 0 is never.
func (b *Builder) Interval(at *field.Path, text string, least time.Duration) {
	if text == "" {
		return
	}
	interval, err := time.ParseDuration(text)
	switch {
	case err != nil:
		b.Fail(field.Invalid(at, text, "must be a duration such as 30s, 5m or 1h, or 0 for never"))
	case interval < 0:
		b.Fail(field.Invalid(at, text, "must not be negative; 0 means never"))
	case interval == 0:
		b.Plan.Refresh.Never = true
	case interval < least:
		b.Plan.Refresh.Interval = least
		b.Warn("%s: %s is below the least interval of this installation; %s is used", at, text, least)
	default:
		b.Plan.Refresh.Interval = interval
	}
}

// Overridden warns of what never reaches the Secret: of two entries with one name the last wins, what is read wins over the data of
// the template, which stands at a path, and its stringData over all.
func (b *Builder) Overridden(at *field.Path) {
	winners := make(map[string]string, len(b.Plan.Entries))
	for i := range b.Plan.Entries {
		if e := &b.Plan.Entries[i]; e.Kind == Single && e.Use.For(InSecret) {
			winners[e.Name] = e.Field
		}
	}
	for i := range b.Plan.Entries {
		e := &b.Plan.Entries[i]
		if winner := winners[e.Name]; e.Kind == Single && e.Use.For(InSecret) && winner != e.Field {
			b.Warn("%s.name is %s's, too, which wins: remove one of them", e.Field, winner)
		}
	}
	t := &b.Plan.Template
	below, above := slices.Collect(maps.Keys(t.Data)), slices.Collect(maps.Keys(t.StringData))
	for _, made := range t.Made {
		switch made.Part {
		case InData:
			below = append(below, made.Name)
		case InStringData:
			above = append(above, made.Name)
		}
	}
	for _, name := range slices.Sorted(slices.Values(above)) {
		if loser, both := winners[name]; both {
			b.Warn("%s sets the entry %s, which overrides %s: remove one of them", at.Child("stringData"), name, loser)
		}
		winners[name] = at.Child("stringData").Key(name).String()
	}
	for _, name := range slices.Sorted(slices.Values(below)) {
		if winner, both := winners[name]; both {
			b.Warn("%s sets the entry %s, which %s overrides: remove one of them", at.Child("data"), name, winner)
		}
	}
}
