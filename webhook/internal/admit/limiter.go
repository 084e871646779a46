package admit

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// The pod has 256 MiB. A few writers of large objects must not exhaust the memory of a webhook that serves all namespaces, nor delay
// others. Bytes are counted twice: those of reviews, from before a body is read until it is answered, with five copies at worst; and
// those of objects while they are decoded and converted, which takes 170 times as much (see maxMarks).
const (
	// smallReview bounds the reviews that never wait for larger ones: ordinary reviews have some kilobytes.
	smallReview = 32 << 10
	// maxObject is etcd's default limit; kube-apiserver sends webhooks up to twice as much.
	maxObject = 3 << 20 / 2
	// maxReview is for an update, which has two objects, and the rest of the review.
	maxReview = 2*maxObject + 128<<10

	smallReviews, largeReviews   = 4 << 20, 8 << 20
	smallDecoding, largeDecoding = 128 << 10, 384 << 10
)

// Limiter bounds what is read, decoded and judged at a time, fairly by namespace, with pools of their own for small requests. Nil
// sets no bound.
type Limiter struct{ reviews, decoding pools }

// NewLimiter makes the limiter that all webhooks of a process share.
func NewLimiter() *Limiter {
	return &Limiter{
		reviews:  pools{small: pool{capacity: smallReviews}, large: pool{capacity: largeReviews}},
		decoding: pools{small: pool{capacity: smallDecoding}, large: pool{capacity: largeDecoding}},
	}
}

type pools struct{ small, large pool }

func (l *pools) acquire(ctx context.Context, namespace string, size int) (release func(), err error) {
	pool := &l.large
	if size <= smallReview {
		pool = &l.small
	}
	release, err = pool.acquire(ctx, namespace, int64(size))
	if err != nil {
		return nil, fmt.Errorf("the webhook is overloaded, and the request of namespace %q timed out: apply again, fewer or "+
			"smaller objects at a time", namespace)
	}
	return release, nil
}

// decode waits until the objects of a request may be decoded. The caller has to release them. The verdict refuses those that may not.
func (l *Limiter) decode(ctx context.Context, request admission.Request) (release func(), refusal verdict) {
	if n := len(request.Object.Raw); n > maxObject {
		return nil, verdict{reason: tooLarge, cause: fmt.Errorf("the object has %d KiB, and no more than %d KiB are judged, "+
			"as etcd stores no more: make several objects of it", kibibytes(n), kibibytes(maxObject))}
	}
	if l == nil {
		return func() {}, verdict{}
	}
	release, err := l.decoding.acquire(ctx, request.Namespace, len(request.Object.Raw)+len(request.OldObject.Raw))
	if err != nil {
		return nil, verdict{reason: overloaded, cause: err}
	}
	return release, verdict{}
}

// kibibytes rounds up, so that an object that is too large never appears to have the permitted size.
func kibibytes[N int | int64](n N) int64 { return (int64(n) + 1<<10 - 1) >> 10 }
