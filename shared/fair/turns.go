package fair

import (
	"context"
	"sync"
)

// Turns lets few at a time do what takes much of the processors. Namespaces take turns. The zero value is ready to use, and may be
// used concurrently.
type Turns struct {
	Width int // how many turns there are at a time; 0: one

	mu      sync.Mutex
	taken   int
	waiting Queue[chan struct{}] // each is closed when its turn comes
}

// Acquire waits for a turn of a namespace until ctx ends. The caller has to end the turn.
func (t *Turns) Acquire(ctx context.Context, namespace string) (end func(), err error) {
	t.mu.Lock()
	if t.taken < max(t.Width, 1) {
		t.taken++
		t.mu.Unlock()
		return t.pass, nil
	}
	turn := make(chan struct{})
	place := t.waiting.Push(namespace, turn)
	t.mu.Unlock()
	select {
	case <-turn:
		return t.pass, nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-turn: // it came all the same
		t.next()
	default:
		t.waiting.Remove(place)
	}
	return nil, ctx.Err()
}

func (t *Turns) pass() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next()
}

func (t *Turns) next() {
	turn, ok := t.waiting.Pop(nil)
	if !ok {
		t.taken--
		return
	}
	close(turn)
}
