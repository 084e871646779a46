package admit

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/secretgate/secretgate/shared/dialect"
)

// References reads what objects refer to. Its zero value knows nothing, which is right for dialects without references.
type References struct {
	Kinds  []dialect.StoreKind
	Cached client.Reader // informers; may be behind
	Live   client.Reader // the API server
}

// cachedTimeout bounds the wait for an informer that is being filled.
const cachedTimeout = 250 * time.Millisecond

// Known is what the cache has. Any failure of the cache is a reason to ask the API server, before a denial.
func (r References) Known(ctx context.Context, wanted []dialect.Reference) dialect.Resolved {
	if len(wanted) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, cachedTimeout)
	defer cancel()
	resolved := dialect.Resolved{}
	for _, one := range wanted {
		if object, err := r.get(ctx, r.Cached, one); object != nil && err == nil {
			resolved[one] = object
		}
	}
	return resolved
}

// Read asks the API server. The error is for the person who applies the object.
func (r References) Read(ctx context.Context, wanted []dialect.Reference) (dialect.Resolved, error) {
	ctx, cancel := context.WithTimeout(ctx, liveTimeout)
	defer cancel()
	resolved := dialect.Resolved{}
	for _, one := range wanted {
		object, err := r.get(ctx, r.Live, one)
		switch {
		case apierrors.IsNotFound(err), meta.IsNoMatchError(err): // the object, or its whole kind
		case apierrors.IsForbidden(err):
			return nil, fmt.Errorf("the webhook may not read %s, to which the object refers: its ClusterRole must allow get, list and watch", one)
		case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
			return nil, fmt.Errorf("%s, to which the object refers, was not read in time: try again", one)
		case err != nil:
			return nil, fmt.Errorf("%s, to which the object refers, cannot be read: %w", one, err)
		case object != nil:
			resolved[one] = object
		}
	}
	return resolved, nil
}

// get returns nothing for what is of no kind that is read.
func (r References) get(ctx context.Context, from client.Reader, wanted dialect.Reference) (dialect.Object, error) {
	for _, kind := range r.Kinds {
		if kind.Type().GroupKind() == wanted.Kind {
			object := kind.New()
			return object, from.Get(ctx, client.ObjectKey{Namespace: wanted.Namespace, Name: wanted.Name}, object)
		}
	}
	return nil, nil
}
