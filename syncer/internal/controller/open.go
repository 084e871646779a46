package controller

import (
	"context"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// maxOpen is how long it may take to open what one object holds, beside what others hold. A value takes a processor up to 15 ms.
const maxOpen = time.Minute

// fewSealed is how many values are opened in a second.
const fewSealed = 64

// open opens what the object holds sealed. The values are in memory until its Secret is written. Objects with many are opened one at a
// time, so that each is opened in time; values of different namespaces take turns all the same.
func (r *Reconciler) open(ctx context.Context, p *plan.Plan) (render.Opened, []*render.Error) {
	sealed := 0
	for i := range p.Entries {
		if p.Entries[i].IsSealed() {
			sealed++
		}
	}
	if sealed == 0 {
		return nil, nil
	}
	if sealed > fewSealed {
		if end, err := r.opens.Acquire(ctx, p.Object.Namespace); err == nil {
			defer end()
		} // else ctx has ended, as Open says
	}
	inTime, cancel := context.WithTimeout(ctx, maxOpen)
	defer cancel()
	return render.Open(inTime, p, r.Opener)
}
