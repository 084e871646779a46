package render

import (
	"context"
	"errors"
	"fmt"
)

// The bounds of what one object may cost: an object is its author's, and so are the values that it reads. They hold for all
// entries together, those included that later ones override.
const (
	maxEntries   = 10_000    // made of members and of walked values
	maxMembers   = 200_000   // of the JSON documents that are looked into
	maxMadeBytes = 4 << 20   // copied or decoded
	maxWork      = 256 << 20 // bytes gone through
)

var errLate = errors.New("the Secret could not be made in time: it is tried again; split the object if it stays so")

// budget is what is left for an object. Each of its methods takes before the work is done, and says why it must not be.
type budget struct {
	spent error // why nothing more is done

	stop                                      func() error // says that there is no more time
	leftEntries, leftMembers, leftBytes, left int
}

func newBudget(ctx context.Context) *budget {
	return &budget{stop: ctx.Err, leftEntries: maxEntries, leftMembers: maxMembers, leftBytes: maxMadeBytes, left: maxWork}
}

func (b *budget) takeEntries(n int) error {
	return b.take(&b.leftEntries, n, "the entries up to this one are more than %d: split the object", maxEntries)
}

func (b *budget) takeMembers(n int) error {
	return b.take(&b.leftMembers, n, "the JSON values up to this one have more than %d members: split them", maxMembers)
}

// takeBytes is for what is copied or decoded, which is work, too.
func (b *budget) takeBytes(n int) error {
	if err := b.take(&b.leftBytes, n, "the entries up to this one have more than %d bytes: split the object", maxMadeBytes); err != nil {
		return err
	}
	return b.takeWork(n)
}

// takeWork is for what is gone through.
func (b *budget) takeWork(n int) error {
	if b.spent == nil && b.stop() != nil {
		b.spent = errLate
	}
	return b.take(&b.left, n, "the entries up to this one go through more than %d bytes: split the object", maxWork)
}

func (b *budget) take(left *int, n int, problem string, limit int) error {
	if *left -= n; *left < 0 && b.spent == nil {
		b.spent = fmt.Errorf(problem, limit)
	}
	return b.spent
}
