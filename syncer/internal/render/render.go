// Package render turns a Plan and the values that were read for it into the content of a Secret. It
// is pure: the same values give the same Secret, byte for byte.
package render

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// MaxSecretBytes is what the API server lets all values of a Secret add up to.
const MaxSecretBytes = 1 << 20

// maxMadeBytes bounds what is made on the way, entries that later ones override included.
const maxMadeBytes = 16 << 20

// Values holds what was read: one value for most reads, any number for a path.
type Values map[plan.Read][]driver.Value

// Secret is the content of the Secret to write. Everything else about it is its owner's.
type Secret struct {
	Data        map[string][]byte
	Labels      map[string]string
	Annotations map[string]string
	Type        string
	Immutable   *bool
}

// Error says why one entry cannot be made from what was read. It never holds a value.
type Error struct {
	Field   string // the entry, such as spec.data[1]
	Problem string
}

func (e *Error) Error() string { return e.Field + ": " + e.Problem }

// Render makes the Secret, or lists every entry that cannot be made. It never makes part of one.
func Render(p *plan.Plan, values Values) (*Secret, []*Error) {
	s := &Secret{
		Data:        maps.Clone(p.Template.Data),
		Labels:      p.Template.Labels,
		Annotations: p.Template.Annotations,
		Type:        p.Template.Type,
		Immutable:   p.Template.Immutable,
	}
	if s.Data == nil {
		s.Data = map[string][]byte{}
	}
	r := &renderer{documents: map[documentKey]*document{}}
	var errs []*Error
	made := 0
	for i := range p.Entries {
		entries, err := r.entry(&p.Entries[i], values[p.Entries[i].Read])
		if err != nil {
			errs = append(errs, err)
			continue
		}
		maps.Copy(s.Data, entries)
		if made += bytesOf(entries); made > maxMadeBytes {
			return nil, append(errs, problem(&p.Entries[i], "the entries up to this one have more than %d bytes: split the object", maxMadeBytes))
		}
	}
	size := bytesOf(s.Data)
	if size > MaxSecretBytes {
		errs = append(errs, &Error{Field: "spec", Problem: fmt.Sprintf(
			"the values of the Secret have %d bytes together; the API server accepts %d: split it", size, MaxSecretBytes)})
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return s, nil
}

func bytesOf(data map[string][]byte) int {
	size := 0
	for _, value := range data {
		size += len(value)
	}
	return size
}

// renderer keeps the documents of one plan's values.
type renderer struct{ documents map[documentKey]*document }

type documentKey struct {
	read    plan.Read
	decoded bool // from base64
}

func (r *renderer) document(key documentKey, data []byte) *document {
	d, known := r.documents[key]
	if !known {
		d = parse(data)
		r.documents[key] = d
	}
	return d
}

// entry makes what one entry of the plan adds to the Secret.
func (r *renderer) entry(e *plan.Entry, values []driver.Value) (map[string][]byte, *Error) {
	if e.Kind == plan.Tree {
		return tree(e, values)
	}
	if len(values) != 1 {
		return nil, problem(e, "%s was not read", e.Read.Key)
	}
	value := values[0]
	if e.Kind == plan.Members {
		return r.members(e, value)
	}
	var d *document
	if e.Property != "" {
		d = r.document(documentKey{read: e.Read}, value.Data)
	}
	data, err := single(e, value, d)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{e.Name: data}, nil
}

// single is KES's order: look the property up first, in the value's document, then decode.
func single(e *plan.Entry, value driver.Value, d *document) ([]byte, *Error) {
	if e.Property != "" {
		found, err := d.lookup(e.Property)
		if err != nil {
			return nil, problem(e, "%s", propertyProblem(err, e.Property, e.Read.Key))
		}
		value = driver.Value{Data: found}
	}
	if !e.Binary || value.Bytes {
		return value.Data, nil
	}
	decoded, err := decodeBase64(value.Data)
	if err != nil {
		return nil, problem(e, "the value of %s is not base64, though isBinary or encoding says so", e.Read.Key)
	}
	return decoded, nil
}

// members is for dataFrom: the value is an object. With isBinary the whole value is base64.
func (r *renderer) members(e *plan.Entry, value driver.Value) (map[string][]byte, *Error) {
	data, key := value.Data, documentKey{read: e.Read, decoded: e.Binary && !value.Bytes}
	if key.decoded && r.documents[key] == nil {
		var err error
		if data, err = decodeBase64(data); err != nil {
			return nil, problem(e, "the value of %s is not base64, though isBinary or encoding says so", e.Read.Key)
		}
	}
	d := r.document(key, data)
	if d != nil {
		d.open()
	}
	if d == nil || d.members == nil {
		return nil, problem(e, "the value of %s is not a JSON object: use data, with a name, for plain values", e.Read.Key)
	}
	made := make(map[string][]byte, len(d.members))
	for _, name := range slices.Sorted(maps.Keys(d.members)) { // sorted, so that the first problem is always the same one
		if problems := validation.IsConfigMapKey(name); len(problems) > 0 {
			return nil, problem(e, "%s has a member whose name no Secret can have (%s): use data to give it another",
				e.Read.Key, strings.Join(problems, "; "))
		}
		made[name] = text(d.members[name].raw)
	}
	return made, nil
}

// tree names each value of a path walk by its last segment.
func tree(e *plan.Entry, values []driver.Value) (map[string][]byte, *Error) {
	values = slices.SortedFunc(slices.Values(values), func(a, b driver.Value) int { return cmp.Compare(a.Name, b.Name) })
	made, from := make(map[string][]byte, len(values)), make(map[string]string, len(values))
	for _, v := range values {
		name := v.Name[strings.LastIndexByte(v.Name, '/')+1:]
		if other, taken := from[name]; taken {
			return nil, problem(e, "%s and %s would both become the entry %s: read one of them by key", other, v.Name, name)
		}
		if problems := validation.IsConfigMapKey(name); len(problems) > 0 {
			return nil, problem(e, "%s cannot become an entry: %s", v.Name, strings.Join(problems, "; "))
		}
		var d *document
		if e.Property != "" {
			d = parse(v.Data)
		}
		data, err := single(e, v, d)
		if err != nil {
			return nil, err
		}
		made[name], from[name] = data, v.Name
	}
	return made, nil
}

// decodeBase64 reads base64 as generously as Node's Buffer did for KES's users: either alphabet,
// line breaks, padding or none. What is not base64 at all is an error, where Node skipped it.
func decodeBase64(data []byte) ([]byte, error) {
	compact := strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\r', '\n', '=':
			return -1
		case '-':
			return '+'
		case '_':
			return '/'
		}
		return r
	}, string(data))
	return base64.RawStdEncoding.DecodeString(compact)
}

func problem(e *plan.Entry, format string, args ...any) *Error {
	return &Error{Field: e.Field, Problem: fmt.Sprintf(format, args...)}
}
