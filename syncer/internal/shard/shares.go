package shard

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/syncer/internal/shard/ring"
)

// Shares holds what this replica owns, for all that use it. The zero value does not know yet.
type Shares struct {
	mu      sync.Mutex
	known   bool
	share   ring.Share
	changed chan struct{}
}

// View is a share, and a channel that reports its change.
type View struct {
	Share   ring.Share
	Changed <-chan struct{} // closed when there is a newer one
}

// Set sets the share.
func (s *Shares) Set(share ring.Share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known && s.share == share {
		return
	}
	if s.changed != nil {
		close(s.changed)
	}
	s.changed = make(chan struct{})
	s.share, s.known = share, true
}

// Owns reports whether an object is this replica's at the moment.
func (s *Shares) Owns(uid types.UID) bool {
	view, known := s.view()
	return known && view.Share.Owns(uid)
}

// View waits until the share is known.
func (s *Shares) View(ctx context.Context) (View, error) {
	for {
		view, known := s.view()
		if known {
			return view, nil
		}
		select {
		case <-ctx.Done():
			return View{}, ctx.Err()
		case <-view.Changed:
		}
	}
}

func (s *Shares) view() (view View, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return View{Share: s.share, Changed: s.changed}, s.known
}
