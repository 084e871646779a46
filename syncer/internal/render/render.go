// Package render turns a Plan and the values that were read for it into the content of a Secret. It
// is pure: the same values give the same Secret, byte for byte.
package render

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/template"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// MaxSecretBytes is what the API server lets all values of a Secret add up to.
const MaxSecretBytes = 1 << 20

// maxProblems bounds how many entries are named that cannot be made; further ones are counted.
const maxProblems = 20

// Values holds what was read: one value for most reads, any number for a path, and none for what is proved not to be there. A source
// that is missing was not read.
type Values map[plan.Source][]driver.Value

// Bytes is how many bytes the values have together.
func (v Values) Bytes() (bytes int) {
	for _, values := range v {
		for i := range values {
			bytes += values[i].Size()
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
	// Empty: the backend has proved that nothing is there any more of what the entries read, and nothing else makes an entry. Templates
	// are not asked where Target.DeleteEmpty says what is to be done. It must not be written.
	Empty bool
}

// Error says why one entry cannot be made from what was read. It never holds a value.
type Error struct {
	Field   string // the entry, such as spec.data[1]
	Problem string
	Late    bool // there was no more time, which another attempt may have
	// Template is why a template failed; empty for other errors.
	Template template.Kind
}

func (e *Error) Error() string { return e.Field + ": " + e.Problem }

// Templates asks an engine for the texts that a plan's templates make of the entries, in the order of its Template.Made. An error says that
// there is no answer, which another attempt may have.
type Templates func(ctx context.Context, p *plan.Plan, entries []template.Entry) (template.Answer, error)

// Render makes the Secret, or lists the entries and texts that cannot be made. It never makes part of one. What an object may cost is
// bounded by work, bytes and entries, which count before they are spent; it ends early when ctx does. Plans without templates need none.
//
// What is sealed was opened before: see Open.
func Render(ctx context.Context, p *plan.Plan, values Values, opened Opened, templates Templates) (*Secret, []*Error) {
	r := newRenderer(ctx, p)
	r.opened = opened
	return r.secret(ctx, values, templates)
}

func (r *renderer) secret(ctx context.Context, values Values, templates Templates) (*Secret, []*Error) {
	p := r.plan
	read := output{secret: map[string][]byte{}}
	if len(p.Template.Made) > 0 {
		read.templates.data = map[string][]byte{}
	}
	skipped, errs := r.fill(&read, values)
	if len(errs) > 0 {
		return nil, errs
	}
	gone := skipped > 0 && skipped == len(p.Entries)
	if gone && p.Target.DeleteEmpty {
		return &Secret{Data: map[string][]byte{}, Empty: true}, nil
	}
	s, errs := layers(ctx, p, &read, templates)
	switch {
	case len(errs) > 0:
		return nil, errs
	case len(s.Data) == 0 && gone:
		s.Empty = true
		return s, nil
	case len(s.Data) == 0 && len(p.Entries) > 0:
		return nil, []*Error{nothing(p)}
	}
	if size := bytesOf(s.Data); size > MaxSecretBytes {
		return nil, []*Error{{Field: p.Words.Spec, Problem: fmt.Sprintf(
			"the values of the Secret have %d bytes together; the API server accepts %d: split it", size, MaxSecretBytes)}}
	}
	if errs := lacking(p, s.Data); len(errs) > 0 {
		return nil, errs
	}
	return s, nil
}

// nothing says why a Secret would have no entry.
func nothing(p *plan.Plan) *Error {
	for i := range p.Entries {
		if e := &p.Entries[i]; e.Matching+e.Excluding != "" {
			return &Error{Field: e.Field, Problem: "nothing that is read makes an entry, since the patterns take no name (" + patternsOf(e) +
				"): correct them, or what is read"}
		}
	}
	return &Error{Field: p.Entries[0].Field, Problem: "nothing that is read makes an entry: give the value members, or remove this entry"}
}

// output is what a plan's entries make, by what it is for.
type output struct {
	secret    map[string][]byte
	templates ordered // without data if there are none
}

func (o *output) set(use plan.Use, name string, value []byte) {
	if use.For(plan.InSecret) {
		o.secret[name] = value
	}
	if o.templates.data != nil && use.For(plan.InTemplates) {
		o.templates.set(name, value)
	}
}

// ordered are values by name, and the names in the order in which they came.
type ordered struct {
	data  map[string][]byte
	names []string
}

func (o *ordered) set(name string, value []byte) {
	if _, known := o.data[name]; !known {
		o.names = append(o.names, name)
	}
	o.data[name] = value
}

// fill adds what the entries make, in their order, since the last definition of a name wins. It counts those that are skipped.
func (r *renderer) fill(all *output, values Values) (skipped int, errs []*Error) {
	failed, last := 0, lastOf(r.plan.Entries)
	for i := range r.plan.Entries {
		e := &r.plan.Entries[i]
		read, answered := values[e.Source]
		made := r.entry(e, read)
		if e.Source.Optional && !answered { // that nothing is there is an answer, too: without one nothing may be left out
			made = part{err: fmt.Errorf("%s was not read", e.Source.Key)}
		}
		if last[recipe(e)] != i {
			made.entries = nil // the same comes again, and would override them
		}
		if spent := r.budget.takeWork(1 + len(made.entries)); spent != nil {
			return skipped, append(errs, &Error{Field: e.Field, Problem: spent.Error(), Late: errors.Is(spent, errLate)})
		}
		switch {
		case made.err != nil:
			failed++
			if failed <= maxProblems {
				errs = append(errs, &Error{Field: e.Field, Problem: made.err.Error()})
			}
		case made.skipped:
			skipped++
		case e.Kind == plan.Single:
			all.set(e.Use, e.Name, made.data)
		default:
			for _, name := range slices.Sorted(maps.Keys(made.entries)) {
				all.set(e.Use, name, made.entries[name])
			}
		}
	}
	if more := failed - maxProblems; more > 0 {
		errs = append(errs, &Error{Field: r.plan.Words.Spec, Problem: fmt.Sprintf("and %d more entries cannot be made", more)})
	}
	return skipped, errs
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
