package shard

import (
	"context"
	"sync"
)

// View is the share that counts now, and how to learn that it does not any more.
type View struct {
	Share   Share
	Changed <-chan struct{} // closed when there is a newer one
}

// board shows the share that counts now. The zero value shows none yet.
type board struct {
	mu      sync.Mutex
	shown   bool
	share   Share
	changed chan struct{}
}

func (b *board) look() (view View, shown bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return View{Share: b.share, Changed: b.changed}, b.shown
}

func (b *board) show(share Share) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed != nil {
		close(b.changed)
	}
	b.changed = make(chan struct{})
	b.share, b.shown = share, true
}

// await waits until a share is shown.
func (b *board) await(ctx context.Context) (View, error) {
	for {
		view, shown := b.look()
		if shown {
			return view, nil
		}
		select {
		case <-ctx.Done():
			return View{}, ctx.Err()
		case <-view.Changed:
		}
	}
}
