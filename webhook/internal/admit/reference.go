package admit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/validation/field"
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

// Known is what the cache has. Any failure of the cache is a reason to ask the API server, before a denial. Of what is not watched the
// cache has nothing: to ask would make it list all objects of the kind, which the webhook may have no right to.
func (r References) Known(ctx context.Context, wanted []dialect.Reference) dialect.Resolved {
	if len(wanted) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, cachedTimeout)
	defer cancel()
	resolved := dialect.Resolved{}
	for _, one := range wanted {
		if r.unwatched(one) {
			continue
		}
		if object, err := r.get(ctx, r.Cached, one); object != nil && err == nil {
			resolved[one] = object
		}
	}
	return resolved
}

// Read asks the API server. What is not watched and may not be read is left out, and listed as kept. The error is for the person who
// applies the object.
func (r References) Read(ctx context.Context, wanted []dialect.Reference) (resolved dialect.Resolved, kept []dialect.Reference, err error) {
	ctx, cancel := context.WithTimeout(ctx, liveTimeout)
	defer cancel()
	resolved = dialect.Resolved{}
	for _, one := range wanted {
		object, err := r.get(ctx, r.Live, one)
		switch {
		case apierrors.IsNotFound(err), meta.IsNoMatchError(err): // the object, or its whole kind
		case apierrors.IsForbidden(err) && r.unwatched(one):
			kept = append(kept, one)
		case apierrors.IsForbidden(err):
			return nil, nil, fmt.Errorf("the webhook may not read %s, to which the object refers: "+
				"its ClusterRole must allow get, list and watch", one)
		case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
			return nil, nil, fmt.Errorf("%s, to which the object refers, was not read in time: try again", one)
		case err != nil:
			return nil, nil, fmt.Errorf("%s, to which the object refers, cannot be read: %w", one, err)
		case object != nil:
			resolved[one] = object
		}
	}
	return resolved, kept, nil
}

// get returns nothing for what is of no kind that is read.
func (r References) get(ctx context.Context, from client.Reader, wanted dialect.Reference) (dialect.Object, error) {
	kind, known := r.kindOf(wanted)
	if !known {
		return nil, nil
	}
	object := kind.New()
	return object, from.Get(ctx, client.ObjectKey{Namespace: wanted.Namespace, Name: wanted.Name}, object)
}

func (r References) kindOf(wanted dialect.Reference) (kind dialect.StoreKind, known bool) {
	for _, kind := range r.Kinds {
		if kind.Type().GroupKind() == wanted.Kind {
			return kind, true
		}
	}
	return nil, false
}

func (r References) unwatched(wanted dialect.Reference) bool {
	kind, _ := r.kindOf(wanted)
	_, unwatched := kind.(dialect.Unwatched)
	return unwatched
}

// waits says what is not judged now, since something that an object refers to is not there, or is kept from the webhook.
func (r References) waits(missing *field.Error, wanted, kept []dialect.Reference) string {
	about, _ := dialect.MissingOf(missing, wanted)
	switch kind, known := r.kindOf(about); {
	case known && slices.Contains(kept, about):
		return fmt.Sprintf("%s: the webhook may not read %s: what depends on it is judged by the syncer alone, unless the webhook's ClusterRole "+
			"allows get on %s", missing.Field, about, kind.Type().GroupVersion().WithResource(kind.Type().Resource).GroupResource())
	case known && r.unwatched(about):
		return fmt.Sprintf("%s: %s: what depends on it is judged by the syncer once it exists", missing.Field, missing.Detail)
	default:
		return fmt.Sprintf("%s: %s: reads through it are judged once it exists", missing.Field, missing.Detail)
	}
}
