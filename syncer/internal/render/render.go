// Package render turns a Plan and the values that were read for it into the content of a Secret. It
// is pure: the same values give the same Secret, byte for byte.
package render

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
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

// Values holds what was read: one value for most reads, any number for a path.
type Values map[plan.Read][]Value

// Value is one value, and its name where a path walk found it.
type Value struct {
	Name string // the parameter's full name; empty for a read by key
	driver.Value
}

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
	var errs []*Error
	for i := range p.Entries {
		made, err := entry(&p.Entries[i], values[p.Entries[i].Read])
		if err != nil {
			errs = append(errs, err)
			continue
		}
		maps.Copy(s.Data, made)
	}
	size := 0
	for _, value := range s.Data {
		size += len(value)
	}
	if size > MaxSecretBytes {
		errs = append(errs, &Error{Field: "spec", Problem: fmt.Sprintf(
			"the values of the Secret have %d bytes together; the API server accepts %d: split it", size, MaxSecretBytes)})
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return s, nil
}

// entry makes what one entry of the plan adds to the Secret.
func entry(e *plan.Entry, values []Value) (map[string][]byte, *Error) {
	if e.Kind == plan.Tree {
		return tree(e, values)
	}
	if len(values) != 1 {
		return nil, problem(e, "%s was not read", e.Read.Key)
	}
	value := values[0].Value
	if e.Kind == plan.Members {
		return members(e, value)
	}
	data, err := single(e, value)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{e.Name: data}, nil
}

// single is KES's order: look the property up first, then decode.
func single(e *plan.Entry, value driver.Value) ([]byte, *Error) {
	if e.Property != "" {
		found, err := lookup(value.Data, e.Property)
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
		return nil, problem(e, "isBinary is set, but the value of %s is not base64", e.Read.Key)
	}
	return decoded, nil
}

// members is for dataFrom: the value is an object. With isBinary the whole value is base64.
func members(e *plan.Entry, value driver.Value) (map[string][]byte, *Error) {
	document := value.Data
	if e.Binary && !value.Bytes {
		decoded, err := decodeBase64(document)
		if err != nil {
			return nil, problem(e, "isBinary is set, but the value of %s is not base64", e.Read.Key)
		}
		document = decoded
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(document, &object) != nil || object == nil {
		return nil, problem(e, "the value of %s is not a JSON object: use data, with a name, for plain values", e.Read.Key)
	}
	made := make(map[string][]byte, len(object))
	for _, name := range slices.Sorted(maps.Keys(object)) { // sorted, so that the first problem is always the same one
		if problems := validation.IsConfigMapKey(name); len(problems) > 0 {
			return nil, problem(e, "%s has a member whose name no Secret can have (%s): use data to give it another",
				e.Read.Key, strings.Join(problems, "; "))
		}
		made[name] = text(object[name])
	}
	return made, nil
}

// tree names each value of a path walk by its last segment.
func tree(e *plan.Entry, values []Value) (map[string][]byte, *Error) {
	values = slices.SortedFunc(slices.Values(values), func(a, b Value) int { return cmp.Compare(a.Name, b.Name) })
	made, from := make(map[string][]byte, len(values)), make(map[string]string, len(values))
	for _, v := range values {
		name := v.Name[strings.LastIndexByte(v.Name, '/')+1:]
		if other, taken := from[name]; taken {
			return nil, problem(e, "%s and %s would both become the entry %s: read one of them by key", other, v.Name, name)
		}
		if problems := validation.IsConfigMapKey(name); len(problems) > 0 {
			return nil, problem(e, "%s cannot become an entry: %s", v.Name, strings.Join(problems, "; "))
		}
		data, err := single(e, v.Value)
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
