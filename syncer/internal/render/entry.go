package render

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// renderer makes entries. What several entries of a plan have in common is parsed once, and made once.
type renderer struct {
	plan      *plan.Plan
	budget    *budget
	documents map[documentKey]*document
	parts     map[plan.Entry]part
}

type documentKey struct {
	source  plan.Source
	decoded bool // from base64
}

// part is what one recipe makes, or why it makes nothing.
type part struct {
	data    []byte            // of a Single
	entries map[string][]byte // of the others
	err     error
}

func newRenderer(ctx context.Context, p *plan.Plan) *renderer {
	return &renderer{budget: newBudget(ctx), plan: p, documents: map[documentKey]*document{}, parts: map[plan.Entry]part{}}
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
	switch {
	case e.Kind == plan.Tree:
		made.entries, made.err = r.tree(e, values)
	case len(values) != 1:
		made.err = fmt.Errorf("%s was not read", e.Source.Key)
	case e.Kind == plan.Members:
		made.entries, made.err = r.members(e, values[0])
	case e.Property != "":
		d, err := r.document(documentKey{source: e.Source}, values[0].Data)
		if err != nil {
			return part{err: err}
		}
		made.data, made.err = r.single(e, values[0], d)
	default:
		made.data, made.err = r.single(e, values[0], nil)
	}
	return made
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
	subject := "the value of " + e.Source.Key
	if e.Property != "" {
		found, err := d.lookup(e.Property)
		if err != nil {
			return nil, propertyProblem(err, d, e, r.plan.Words)
		}
		value, subject = driver.Value{Data: found}, "property "+e.Property+" of "+e.Source.Key
	}
	if !e.Binary || value.Bytes {
		return value.Data, nil
	}
	return r.decode(subject, value.Data)
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

// members is for dataFrom: the value is an object. With isBinary the whole value is base64.
func (r *renderer) members(e *plan.Entry, value driver.Value) (map[string][]byte, error) {
	data, key := value.Data, documentKey{source: e.Source, decoded: e.Binary && !value.Bytes}
	if key.decoded {
		var err error
		if data, err = r.decode("the value of "+e.Source.Key, data); err != nil {
			return nil, err
		}
	}
	d, err := r.document(key, data)
	if err != nil {
		return nil, err
	}
	members, err := d.object()
	switch {
	case errors.Is(err, errNotObject):
		return nil, fmt.Errorf("the value of %s is not a JSON object: %s", e.Source.Key, r.plan.Words.Plain)
	case err != nil:
		return nil, err
	case len(members) == 0:
		return nil, fmt.Errorf("the value of %s is an empty object, which makes no entry: give it members, or remove this entry", e.Source.Key)
	}
	if err := r.budget.takeEntries(len(members)); err != nil {
		return nil, err
	}
	made := make(map[string][]byte, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) { // sorted, so that the first problem is always the same one
		if problems := validation.IsConfigMapKey(name); len(problems) > 0 {
			return nil, fmt.Errorf("%s has a member whose name no Secret can have (%s): use data to give it another",
				e.Source.Key, strings.Join(problems, "; "))
		}
		if made[name], err = d.value(members[name]); err != nil {
			return nil, textProblem(err, "a member of "+e.Source.Key)
		}
	}
	return made, nil
}

// tree names each value of a path walk by its last segment.
func (r *renderer) tree(e *plan.Entry, values []driver.Value) (map[string][]byte, error) {
	if len(values) == 0 { // a driver should have said so
		remedy := "check the path"
		if !e.Source.Recursive {
			remedy += ", or set " + r.plan.Words.Terms[plan.TermRecursive]
		}
		return nil, fmt.Errorf("no parameter is below %s: %s", e.Source.Key, remedy)
	}
	if err := r.budget.takeEntries(len(values)); err != nil {
		return nil, err
	}
	values = slices.SortedFunc(slices.Values(values), func(a, b driver.Value) int { return cmp.Compare(a.Name, b.Name) })
	made, from := make(map[string][]byte, len(values)), make(map[string]string, len(values))
	for _, v := range values {
		name := v.Name[strings.LastIndexByte(v.Name, '/')+1:]
		if other, taken := from[name]; taken {
			return nil, fmt.Errorf("%s and %s would both become the entry %s: read one of them by key", shown(other), shown(v.Name), shown(name))
		}
		if problems := validation.IsConfigMapKey(name); len(problems) > 0 {
			return nil, fmt.Errorf("%s cannot become an entry: %s", shown(v.Name), strings.Join(problems, "; "))
		}
		walked := *e // messages name the parameter, not the path
		walked.Source.Key = shown(v.Name)
		var d *document
		var err error
		if e.Property != "" {
			if d, err = parse(r.budget, v.Data); err != nil {
				return nil, err
			}
		}
		if made[name], err = r.single(&walked, v, d); err != nil {
			return nil, err
		}
		from[name] = v.Name
	}
	return made, nil
}
