package dialect

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Reference names an object that another one refers to. It is comparable.
type Reference struct {
	Kind      schema.GroupKind
	Namespace string // empty for a kind that no namespace holds
	Name      string
}

// String is for messages, as in SecretStore team/vault.
func (r Reference) String() string {
	if r.Namespace == "" {
		return r.Kind.Kind + " " + r.Name
	}
	return fmt.Sprintf("%s %s/%s", r.Kind.Kind, r.Namespace, r.Name)
}

// Path is where messages point for what stands in the object that is referred to, as in SecretStore[vault].spec.server.
func (r Reference) Path() *field.Path { return field.NewPath(r.Kind.Kind).Key(r.Name) }

// Resolved holds what References name. What is missing from it is not there.
type Resolved map[Reference]Object

// maxDepth is how far references lead: an object to its store, the store to an account.
const maxDepth = 3

// Resolve reads what a Plan of an object needs: what the object refers to, and what that refers to in its turn. read returns what there is
// of some references. Its error ends the search; what was found until then is returned beside it.
func Resolve(
	references func(Resolved) []Reference, read func([]Reference) (Resolved, error),
) (resolved Resolved, wanted []Reference, err error) {
	for range maxDepth {
		var more []Reference
		for _, r := range references(resolved) {
			if !slices.Contains(wanted, r) {
				more = append(more, r)
			}
		}
		if len(more) == 0 {
			break
		}
		wanted = append(wanted, more...)
		found, err := read(more)
		if resolved == nil {
			resolved = Resolved{}
		}
		maps.Copy(resolved, found)
		if err != nil {
			return resolved, wanted, err
		}
	}
	return resolved, wanted, nil
}

// ReferencesOf are those of an object, for Resolve.
func ReferencesOf(k interface {
	References(object Object, resolved Resolved) []Reference
}, object Object) func(Resolved) []Reference {
	return func(resolved Resolved) []Reference { return k.References(object, resolved) }
}

// Find is what a Reference names, as the type that its kind has; at is the field that refers to it. The error is that of Missing.
func Find[T Object](resolved Resolved, at *field.Path, r Reference) (T, *field.Error) {
	object, found := resolved[r].(T)
	if !found {
		return object, Missing(at, r)
	}
	return object, nil
}

// Missing is that an object refers to another one that is not there. It is no mistake of the object's: the two often come in one
// apply. Entries that are read by it may be in the Plan with the zero Store, so that policy judges their keys already.
func Missing(at *field.Path, r Reference) *field.Error {
	return &field.Error{Type: field.ErrorTypeNotFound, Field: at.String(), BadValue: r.Name, Detail: absent(r)}
}

func absent(r Reference) string { return "there is no " + r.String() + " yet" }

// MissingOf is the one of some references that an error of Missing's is about.
func MissingOf(err *field.Error, wanted []Reference) (found Reference, ok bool) {
	i := slices.IndexFunc(wanted, func(r Reference) bool { return IsMissing(err) && err.BadValue == r.Name && err.Detail == absent(r) })
	if i < 0 {
		return Reference{}, false
	}
	return wanted[i], true
}

// IsMissing reports whether an error is one of Missing's.
func IsMissing(err *field.Error) bool { return err.Type == field.ErrorTypeNotFound }

// Split parts what is wrong with an object from what it refers to and is not there yet.
func Split(errs field.ErrorList) (wrong, missing field.ErrorList) {
	for _, err := range errs {
		if IsMissing(err) {
			missing = append(missing, err)
		} else {
			wrong = append(wrong, err)
		}
	}
	return wrong, missing
}

// Local is the reference by name within a namespace that stands at a field. One to another namespace is refused: who may write there
// must not lend what is kept here. It stands once, for all dialects.
func Local(at *field.Path, kind schema.GroupKind, own, namespace, name string) (Reference, *field.Error) {
	switch {
	case name == "":
		return Reference{}, field.Required(at.Child("name"), "the name of the "+kind.Kind)
	case namespace != "" && namespace != own:
		return Reference{}, field.Forbidden(at.Child("namespace"), fmt.Sprintf("must be %s, the object's own namespace, or absent", own))
	}
	return Reference{Kind: kind, Namespace: own, Name: name}, nil
}
