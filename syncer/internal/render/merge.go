package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/secretgate/secretgate/shared/plan"
)

// member is a member of one of the values that are merged.
type member struct {
	of string // the name of the value
	d  *document
	at span
}

// merge takes each value for a JSON object, and makes entries of the members of all; or with Into one more entry, of all members.
func (r *renderer) merge(e *plan.Entry, how *plan.RewriteMerge, values map[string][]byte) (map[string][]byte, error) {
	members, err := r.gather(e, how, values)
	if err != nil {
		return nil, err
	}
	if how.Into != "" {
		object, err := r.object(members)
		if err != nil {
			return nil, err
		}
		made := maps.Clone(values)
		made[how.Into] = object
		return made, nil
	}
	if err := r.budget.takeEntries(len(members)); err != nil {
		return nil, err
	}
	made := make(map[string][]byte, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		m := members[name]
		if made[name], err = m.d.exact(m.at); err != nil {
			return nil, textProblem(err, "a member of "+shown(m.of))
		}
	}
	return made, nil
}

// gather finds the members of all values: in the order of their names, but those of Priority last, and in its order.
func (r *renderer) gather(e *plan.Entry, how *plan.RewriteMerge, values map[string][]byte) (map[string]member, error) {
	var order []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(how.Priority, name) {
			order = append(order, name)
		}
	}
	if err := r.budget.takeWork(len(values) * (1 + len(how.Priority))); err != nil {
		return nil, err
	}
	members := map[string]member{}
	for _, name := range append(order, how.Priority...) {
		value, there := values[name]
		switch {
		case !there && how.IgnoreMissing:
			continue
		case !there:
			return nil, fmt.Errorf("nothing is called %s, which %s names for its priority: correct that, or let it ignore what is missing",
				shown(name), e.Naming.Field)
		}
		d, err := parse(r.budget, value)
		if err != nil {
			return nil, err
		}
		found, err := d.object()
		switch {
		case errors.Is(err, errNotObject):
			return nil, fmt.Errorf("the value of %s is not a JSON object, which %s takes it for: correct the value, or what is read",
				shown(name), e.Naming.Field)
		case err != nil:
			return nil, err
		}
		if err := r.budget.takeWork(len(found)); err != nil {
			return nil, err
		}
		for _, of := range slices.Sorted(maps.Keys(found)) {
			if other, taken := members[of]; taken && !how.IgnoreConflict {
				return nil, fmt.Errorf("%s and %s both have the member %s: give it one value, or let %s ignore the conflict",
					shown(other.of), shown(name), shown(of), e.Naming.Field)
			}
			members[of] = member{of: name, d: d, at: found[of]}
		}
	}
	return members, nil
}

// object is the JSON object of all members, in the order of their names; each value as it is, without spaces.
func (r *renderer) object(members map[string]member) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range slices.Sorted(maps.Keys(members)) {
		m := members[name]
		raw := m.d.data[m.at.from:m.at.to]
		if err := r.budget.takeBytes(len(name) + len(raw)); err != nil {
			return nil, err
		}
		if !utf8.ValidString(name) || !utf8.Valid(raw) {
			return nil, textProblem(errNotUTF8, "a member of "+shown(m.of))
		}
		if i > 0 {
			b.WriteByte(',')
		}
		quoted, err := quote(name)
		if err != nil {
			return nil, err
		}
		b.Write(quoted)
		b.WriteByte(':')
		if err := json.Compact(&b, raw); err != nil {
			return nil, errNotJSON // unreachable: raw is part of a document that was parsed
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// quote is a text as JSON has it, with no more escapes than that needs.
func quote(text string) ([]byte, error) {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(text)
	return []byte(strings.TrimSuffix(b.String(), "\n")), err
}
