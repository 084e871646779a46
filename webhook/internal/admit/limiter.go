package admit

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// The pod has 256 MiB, and a few writers of large objects must neither end the webhook that judges for all nor keep others waiting.
// Bytes are counted in two places: those of reviews, from before a body is read until it is answered, of which there are five copies
// at the worst; and those of objects while they are decoded and converted, which takes 170 times as much (see maxMarks).
const (
	// smallReview bounds what never waits for what is larger: ordinary reviews have some kilobytes.
	smallReview = 32 << 10
	// maxObject is what etcd takes by default; kube-apiserver lets twice as much come to us.
	maxObject = 3 << 20 / 2
	// maxReview is for an update, which has two objects, and what is around them.
	maxReview = 2*maxObject + 128<<10

	smallReviews, largeReviews   = 4 << 20, 8 << 20
	smallDecoding, largeDecoding = 128 << 10, 384 << 10
)

// Limiter bounds what is read, decoded and judged at a time, fairly by namespace, with a lane of its own for what is small. Nil
// bounds nothing.
type Limiter struct{ reviews, decoding lanes }

// NewLimiter makes the limiter that all webhooks of a process share.
func NewLimiter() *Limiter {
	return &Limiter{
		reviews:  lanes{small: shares{capacity: smallReviews}, large: shares{capacity: largeReviews}},
		decoding: lanes{small: shares{capacity: smallDecoding}, large: shares{capacity: largeDecoding}},
	}
}

type lanes struct{ small, large shares }

func (l *lanes) enter(ctx context.Context, namespace string, size int) (leave func(), err error) {
	lane := &l.large
	if size <= smallReview {
		lane = &l.small
	}
	leave, err = lane.take(ctx, namespace, int64(size))
	if err != nil {
		return nil, fmt.Errorf("the webhook is overloaded, and namespace %q had no turn in time: apply again, fewer or smaller "+
			"objects at a time", namespace)
	}
	return leave, nil
}

// decode waits until the objects of a request may be decoded. The caller is to leave. The verdict is on those that may not.
func (l *Limiter) decode(ctx context.Context, request admission.Request) (leave func(), refusal verdict) {
	if n := len(request.Object.Raw); n > maxObject {
		return nil, verdict{reason: tooLarge, cause: fmt.Errorf("the object has %d KiB, and no more than %d KiB are judged, "+
			"as etcd stores no more: make several objects of it", kibibytes(n), kibibytes(maxObject))}
	}
	if l == nil {
		return func() {}, verdict{}
	}
	leave, err := l.decoding.enter(ctx, request.Namespace, len(request.Object.Raw)+len(request.OldObject.Raw))
	if err != nil {
		return nil, verdict{reason: overloaded, cause: err}
	}
	return leave, verdict{}
}

// kibibytes rounds up, so that what is too large is not said to be as large as may be.
func kibibytes[N int | int64](n N) int64 { return (int64(n) + 1<<10 - 1) >> 10 }
