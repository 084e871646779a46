package shard

import (
	"context"
	"sync"

	"github.com/secretgate/secretgate/syncer/internal/shard/ring"
)

// View is the current share, and a channel that reports its change.
type View struct {
	Share   ring.Share
	Changed <-chan struct{} // closed when there is a newer one
}

// broadcast publishes the current share to all that use it. The zero value has none yet.
type broadcast struct {
	mu        sync.Mutex
	published bool
	share     ring.Share
	changed   chan struct{}
}

func (b *broadcast) latest() (view View, published bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return View{Share: b.share, Changed: b.changed}, b.published
}

func (b *broadcast) publish(share ring.Share) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed != nil {
		close(b.changed)
	}
	b.changed = make(chan struct{})
	b.share, b.published = share, true
}

// await waits until a share is published.
func (b *broadcast) await(ctx context.Context) (View, error) {
	for {
		view, published := b.latest()
		if published {
			return view, nil
		}
		select {
		case <-ctx.Done():
			return View{}, ctx.Err()
		case <-view.Changed:
		}
	}
}
