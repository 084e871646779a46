package render

import (
	"context"
	"errors"
	"fmt"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Opener opens what objects hold sealed. It may be used concurrently.
type Opener interface {
	// Open opens a value on behalf of a namespace, which takes turns with others. It waits until the keys are known, or ctx ends. An error is
	// a sentence for users, without an end: why, and what to do. It never holds a value. That of ctx says that it was not tried.
	Open(ctx context.Context, namespace string, sealed plan.Sealed) ([]byte, error)
}

// Opened is what was sealed. A value that is missing was not opened.
type Opened map[plan.Sealed][]byte

// Bytes is how many bytes the values have together.
func (o Opened) Bytes() (bytes int) {
	for _, value := range o {
		bytes += len(value)
	}
	return bytes
}

// Open opens all that a plan has sealed, or says which entries cannot be opened. Once maxProblems cannot, the others are not tried:
// each costs a try of all keys.
func Open(ctx context.Context, p *plan.Plan, opener Opener) (Opened, []*Error) {
	opened, failed := Opened{}, []*Error(nil)
	for i := range p.Entries {
		e := &p.Entries[i]
		if !e.IsSealed() {
			continue
		}
		if _, known := opened[e.Sealed]; known {
			continue
		}
		if len(failed) == maxProblems {
			return nil, append(failed, &Error{Field: p.Words.Spec, Problem: "the entries after these were not tried"})
		}
		value, err := open(ctx, p, opener, e)
		switch {
		case err == nil:
			opened[e.Sealed] = value
		case errors.Is(err, ctx.Err()):
			return nil, append(failed, &Error{Field: e.Field, Problem: "there was no time to open it: it is tried again", Late: true})
		default:
			failed = append(failed, &Error{Field: e.Field, Problem: err.Error()})
		}
	}
	if len(failed) > 0 {
		return nil, failed
	}
	return opened, nil
}

func open(ctx context.Context, p *plan.Plan, opener Opener, e *plan.Entry) ([]byte, error) {
	if opener == nil {
		return nil, errors.New("this syncer has no keys to open it with: serve the kind with a dialect that has some")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return opener.Open(ctx, p.Object.Namespace, e.Sealed)
}

// sealed makes the part of an entry that was opened before, as of a value that was read.
func (r *renderer) sealed(e *plan.Entry) (made part) {
	data, opened := r.opened[e.Sealed]
	switch value := (driver.Value{Data: data, Bytes: true}); {
	case !opened:
		made.err = fmt.Errorf("%s was not opened", nameOf(e))
	case e.Kind == plan.Members:
		made.entries, made.err = r.members(e, value)
	default:
		made.data, made.err = r.one(e, value)
	}
	return made
}

// nameOf is what messages call that of which an entry is made: its key, or where it is sealed.
func nameOf(e *plan.Entry) string {
	if e.IsSealed() {
		return e.Field
	}
	return e.Source.Key
}
