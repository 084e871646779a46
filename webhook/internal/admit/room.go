package admit

import (
	"context"
	"fmt"

	"golang.org/x/sync/semaphore"
)

// roomBytes bounds the objects that are decoded and converted at a time, by their length: at worst that takes 170 times as much,
// and the pod has 256 MiB.
const roomBytes = 512 << 10

// Room has objects wait for those before them where many are large, so that whoever may write a few cannot end the webhook that
// judges for all. Ordinary ones, of some kilobytes, find room. Nil has room for all.
type Room struct{ free *semaphore.Weighted }

// NewRoom makes the room that all webhooks of a process share.
func NewRoom() *Room { return &Room{semaphore.NewWeighted(roomBytes)} }

// enter waits for room for so many bytes; more than there is room for are alone. Whoever has entered is to leave.
func (r *Room) enter(ctx context.Context, size int) (leave func(), err error) {
	if r == nil {
		return func() {}, nil
	}
	weight := min(int64(size), roomBytes)
	if err := r.free.Acquire(ctx, weight); err != nil {
		return nil, fmt.Errorf("many large objects are being judged: try again: %w", err)
	}
	return func() { r.free.Release(weight) }, nil
}
