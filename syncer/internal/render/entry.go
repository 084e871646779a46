package render

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// renderer makes entries. What several entries of a plan have in common is parsed once, and made once.
type renderer struct {
	plan      *plan.Plan
	opened    Opened
	budget    *budget
	documents map[documentKey]*document
	parts     map[plan.Entry]part
	patterns  map[string]*pattern
}

type documentKey struct {
	source   plan.Source
	sealed   plan.Sealed
	portion  plan.Portion
	decoded  bool   // from base64
	property string // the document is the value of this property
	syntax   plan.Syntax
}

// part is what one recipe makes, or why it makes nothing.
type part struct {
	data    []byte            // of a Single
	entries map[string][]byte // of the others
	skipped bool              // nothing was read, and nothing need be
	err     error
}

func newRenderer(ctx context.Context, p *plan.Plan) *renderer {
	return &renderer{
		budget: newBudget(ctx), plan: p, documents: map[documentKey]*document{}, parts: map[plan.Entry]part{}, patterns: map[string]*pattern{},
	}
}

// entry makes what one entry of the plan adds to the Secret.
func (r *renderer) entry(e *plan.Entry, values []driver.Value) part {
	key := recipe(e)
	made, known := r.parts[key]
	if !known {
		made = r.make(e, values)
		r.parts[key] = made
	}
	return made
}

func (r *renderer) make(e *plan.Entry, values []driver.Value) (made part) {
	if e.Kind == plan.Tree {
		if values, made.err = r.takenValues(e, values); made.err != nil {
			return made
		}
	}
	switch {
	case e.IsSealed():
		made = r.sealed(e)
	case e.Source.Optional && len(values) == 0:
		made.skipped = true
	case e.Kind == plan.Tree:
		made.entries, made.err = r.tree(e, values)
	case len(values) != 1:
		made.err = fmt.Errorf("%s was not read", e.Source.Key)
	case e.Kind == plan.Members:
		made.entries, made.err = r.members(e, values[0])
	default:
		made.data, made.err = r.one(e, values[0])
	}
	if made.err == nil && !made.skipped {
		made.err = r.forTemplates(e, made)
	}
	return made
}

// one makes the value of a Single.
func (r *renderer) one(e *plan.Entry, value driver.Value) ([]byte, error) {
	value, err := r.portion(e, value)
	if err != nil {
		return nil, err
	}
	var d *document
	if e.Property != "" {
		if d, err = r.document(documentKey{source: e.Source, sealed: e.Sealed, portion: e.Portion}, value.Data); err != nil {
			return nil, err
		}
	}
	data, err := r.single(e, value, d)
	if err != nil {
		return nil, err
	}
	return r.finish(e, subject(e), data)
}

// subject names the value of an entry in messages.
func subject(e *plan.Entry) string {
	if e.Property != "" {
		return "property " + e.Property + " of " + nameOf(e)
	}
	return portionOf(e) + " of " + nameOf(e)
}

// document is the parsed value of a read; nil where it is not JSON.
func (r *renderer) document(key documentKey, data []byte) (*document, error) {
	d, known := r.documents[key]
	if !known {
		var err error
		if d, err = parse(r.budget, data); err != nil {
			return nil, err
		}
		r.documents[key] = d
	}
	return d, nil
}

// single is KES's order: look the property up first, in the value's document, then decode.
func (r *renderer) single(e *plan.Entry, value driver.Value, d *document) ([]byte, error) {
	if e.Property != "" {
		found, err := d.find(e)
		if err != nil {
			return nil, propertyProblem(err, d, e, r.plan.Words)
		}
		value = driver.Value{Data: found}
	}
	if !e.Binary || value.Bytes {
		return value.Data, nil
	}
	return r.decode(subject(e), value.Data)
}

// decode reads base64, where the object says that the value is.
func (r *renderer) decode(subject string, data []byte) ([]byte, error) {
	if err := r.budget.takeBytes(len(data)); err != nil {
		return nil, err
	}
	decoded, err := decodeBase64(data)
	if err == nil {
		return decoded, nil
	}
	w := r.plan.Words
	if errors.Is(err, errPEM) {
		return nil, fmt.Errorf("%s is PEM, not base64: %s", subject, w.NotBinary)
	}
	return nil, fmt.Errorf("%s is not base64, though %s says so: %w: %s, or store it as base64", subject, w.Binary, err, w.NotBinary)
}

// members is for dataFrom: the value, or its property, is an object. With isBinary the whole value is base64.
func (r *renderer) members(e *plan.Entry, value driver.Value) (map[string][]byte, error) {
	d, err := r.whole(e, value)
	if err != nil {
		return nil, err
	}
	members, err := d.object()
	var names []string
	if err == nil {
		names, err = r.takenNames(e, members)
	}
	switch {
	case errors.Is(err, errNotObject):
		return nil, fmt.Errorf("%s is not a JSON object: %s", subject(e), r.plan.Words.Plain)
	case err != nil:
		return nil, err
	case len(members) == 0 && e.Naming == nil:
		return nil, fmt.Errorf("%s is an empty object, which makes no entry: give it members, or remove this entry", subject(e))
	}
	if err := r.budget.takeEntries(len(names)); err != nil {
		return nil, err
	}
	made := make(map[string][]byte, len(names))
	for _, name := range names {
		if problems := validation.IsConfigMapKey(name); len(problems) > 0 && e.Naming == nil {
			return nil, fmt.Errorf("%s has a member whose name no Secret can have (%s): %s",
				nameOf(e), strings.Join(problems, "; "), r.plan.Words.Misnamed)
		}
		if made[name], err = d.valueOf(e, members[name]); err != nil {
			return nil, textProblem(err, "a member of "+nameOf(e))
		}
		if e.Naming == nil {
			if made[name], err = r.finish(e, "the member "+name+" of "+nameOf(e), made[name]); err != nil {
				return nil, err
			}
		}
	}
	if e.Naming == nil {
		return made, nil
	}
	return r.rename(e, made)
}

// whole is the document whose members are meant.
func (r *renderer) whole(e *plan.Entry, value driver.Value) (*document, error) {
	value, err := r.portion(e, value)
	if err != nil {
		return nil, err
	}
	data, key := value.Data, documentKey{source: e.Source, sealed: e.Sealed, portion: e.Portion, decoded: e.Binary && !value.Bytes}
	if key.decoded {
		if data, err = r.decode(portionOf(e)+" of "+nameOf(e), data); err != nil {
			return nil, err
		}
	}
	d, err := r.document(key, data)
	if err != nil || e.Property == "" {
		return d, err
	}
	found, err := d.find(e)
	if err != nil {
		return nil, propertyProblem(err, d, e, r.plan.Words)
	}
	key.property, key.syntax = e.Property, e.Syntax
	return r.document(key, found)
}

// tree names each value of a path walk: by its last segment, or by the entry's Naming.
func (r *renderer) tree(e *plan.Entry, values []driver.Value) (map[string][]byte, error) {
	if len(values) == 0 { // a driver should have said so
		return nil, r.nothingBelow(e)
	}
	if err := r.budget.takeEntries(len(values)); err != nil {
		return nil, err
	}
	values = slices.SortedFunc(slices.Values(values), func(a, b driver.Value) int { return cmp.Compare(a.Name, b.Name) })
	made, from := make(map[string][]byte, len(values)), make(map[string]string, len(values))
	for _, v := range values {
		name := v.Name
		if e.Naming == nil {
			name = v.Name[strings.LastIndexByte(v.Name, '/')+1:]
		}
		if other, taken := from[name]; taken {
			return nil, fmt.Errorf("%s and %s would both become the entry %s: read one of them by key", shown(other), shown(v.Name), shown(name))
		}
		if problems := validation.IsConfigMapKey(name); len(problems) > 0 && e.Naming == nil {
			return nil, fmt.Errorf("%s cannot become an entry: %s", shown(v.Name), strings.Join(problems, "; "))
		}
		data, err := r.walked(e, v)
		if err != nil {
			return nil, err
		}
		made[name], from[name] = data, v.Name
	}
	if e.Naming == nil {
		return made, nil
	}
	return r.rename(e, made)
}

// walked makes the value of one that a walk found. Messages name that, not the path.
func (r *renderer) walked(e *plan.Entry, v driver.Value) ([]byte, error) {
	walked := *e
	walked.Source.Key = shown(v.Name)
	v, err := r.portion(&walked, v)
	if err != nil {
		return nil, err
	}
	var d *document
	if e.Property != "" {
		if d, err = parse(r.budget, v.Data); err != nil {
			return nil, err
		}
	}
	data, err := r.single(&walked, v, d)
	if err != nil || e.Naming != nil {
		return data, err
	}
	return r.finish(e, subject(&walked), data)
}

// nothingBelow says what to do where a walk has no value.
func (r *renderer) nothingBelow(e *plan.Entry) error {
	if e.Matching+e.Excluding != "" {
		return fmt.Errorf("no name that is read is one of those that the patterns take (%s): correct them, or what is read", patternsOf(e))
	}
	remedy := "check the path"
	if !e.Source.Recursive {
		remedy += ", or set " + r.plan.Words.Terms[plan.TermRecursive]
	}
	return fmt.Errorf("no parameter is below %s: %s", e.Source.Key, remedy)
}
