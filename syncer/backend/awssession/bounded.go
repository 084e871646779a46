package awssession

import (
	"context"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/secretgate/secretgate/syncer/backend/transport"
)

// maxAnswer bounds what is read of an answer, in bytes: a batch of Secrets Manager has 20 values of 64 KiB, of which each byte may
// take six where it is escaped. What is longer than the bound passes for an outage, which values must not be able to cause.
const maxAnswer = 10 << 20

// bounded adds to the steps of each call, innermost, one that bounds what is read of the answer. It is no RoundTripper, since the SDK
// makes clients of its own for the machine's metadata and for a pod's credentials.
func bounded(stack *middleware.Stack) error {
	bound := func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
		out middleware.DeserializeOutput, metadata middleware.Metadata, err error,
	) {
		out, metadata, err = next.HandleDeserialize(ctx, in)
		if answer, ok := out.RawResponse.(*smithyhttp.Response); ok && answer.Body != nil {
			answer.Body = transport.Bound(answer.Body, maxAnswer)
		}
		return out, metadata, err
	}
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("Secretgate:Bound", bound), middleware.After)
}
