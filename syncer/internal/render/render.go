// Package render turns a Plan and the values that were read for it into the content of a Secret. It
// is pure: the same values give the same Secret, byte for byte.
package render

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// MaxSecretBytes is what the API server lets all values of a Secret add up to.
const MaxSecretBytes = 1 << 20

// maxProblems bounds how many entries are named that cannot be made; further ones are counted.
const maxProblems = 20

// Values holds what was read: one value for most reads, any number for a path.
type Values map[plan.Source][]driver.Value

// Bytes is how many bytes the values have together.
func (v Values) Bytes() (bytes int) {
	for _, values := range v {
		for _, value := range values {
			bytes += len(value.Data)
		}
	}
	return bytes
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
	Late    bool // there was no more time, which another attempt may have
}

func (e *Error) Error() string { return e.Field + ": " + e.Problem }

// Render makes the Secret, or lists the entries that cannot be made. It never makes part of one. What an object may cost is
// bounded by work, bytes and entries, which count before they are spent; it ends early when ctx does.
func Render(ctx context.Context, p *plan.Plan, values Values) (*Secret, []*Error) {
	return newRenderer(ctx, p).secret(values)
}

func (r *renderer) secret(values Values) (*Secret, []*Error) {
	p := r.plan
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
	errs := r.fill(s.Data, values)
	if size := bytesOf(s.Data); size > MaxSecretBytes && r.budget.spent == nil {
		errs = append(errs, &Error{Field: p.Words.Spec, Problem: fmt.Sprintf(
			"the values of the Secret have %d bytes together; the API server accepts %d: split it", size, MaxSecretBytes)})
	}
	if len(errs) == 0 {
		errs = append(errs, lacking(p, s.Data)...)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return s, nil
}

// fill adds what the entries make, in their order, since the last definition of a name wins.
func (r *renderer) fill(data map[string][]byte, values Values) []*Error {
	var errs []*Error
	failed, last := 0, lastOf(r.plan.Entries)
	for i := range r.plan.Entries {
		e := &r.plan.Entries[i]
		made := r.entry(e, values[e.Source])
		if last[recipe(e)] != i {
			made.entries = nil // the same comes again, and would override them
		}
		if spent := r.budget.takeWork(1 + len(made.entries)); spent != nil {
			return append(errs, &Error{Field: e.Field, Problem: spent.Error(), Late: errors.Is(spent, errLate)})
		}
		switch {
		case made.err != nil:
			failed++
			if failed <= maxProblems {
				errs = append(errs, &Error{Field: e.Field, Problem: made.err.Error()})
			}
		case e.Kind == plan.Single:
			data[e.Name] = made.data
		default:
			maps.Copy(data, made.entries)
		}
	}
	if more := failed - maxProblems; more > 0 {
		errs = append(errs, &Error{Field: r.plan.Words.Spec, Problem: fmt.Sprintf("and %d more entries cannot be made", more)})
	}
	return errs
}

// recipe is all of an entry that decides what it makes.
func recipe(e *plan.Entry) plan.Entry {
	same := *e
	same.Field, same.KeyField, same.Name = "", "", ""
	return same
}

// lastOf finds where each recipe occurs last.
func lastOf(entries []plan.Entry) map[plan.Entry]int {
	last := make(map[plan.Entry]int, len(entries))
	for i := range entries {
		last[recipe(&entries[i])] = i
	}
	return last
}

func bytesOf(data map[string][]byte) int {
	size := 0
	for _, value := range data {
		size += len(value)
	}
	return size
}
