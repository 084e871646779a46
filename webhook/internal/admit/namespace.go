package admit

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/secretgate/secretgate/shared/policy"
)

// Namespaces reads the annotations of namespaces.
type Namespaces struct {
	Cached client.Reader // a metadata informer; may be behind
	Live   client.Reader // the API server
}

// Known is the namespace as the cache has it, or, where it does not know it, as the API server has
// it, which is fresh.
func (n Namespaces) Known(ctx context.Context, name string) (ns policy.Namespace, fresh bool, err error) {
	object := NamespaceMetadata()
	// Any failure of the cache, such as not being started, is a reason to ask the API server.
	if n.Cached.Get(ctx, client.ObjectKey{Name: name}, object) == nil {
		return policy.Namespace{Name: name, Annotations: object.Annotations, Labels: object.Labels}, false, nil
	}
	ns, err = n.Read(ctx, name)
	return ns, true, err
}

// liveTimeout leaves time to answer: the API server waits 5 s for us.
const liveTimeout = 3 * time.Second

// Read asks the API server. The error is for the person who applies the object.
func (n Namespaces) Read(ctx context.Context, name string) (policy.Namespace, error) {
	ctx, cancel := context.WithTimeout(ctx, liveTimeout)
	defer cancel()
	object := NamespaceMetadata()
	err := n.Live.Get(ctx, client.ObjectKey{Name: name}, object)
	switch {
	case err == nil:
		return policy.Namespace{Name: name, Annotations: object.Annotations, Labels: object.Labels}, nil
	case apierrors.IsNotFound(err):
		return policy.Namespace{}, fmt.Errorf("namespace %q does not exist: create it first", name)
	case apierrors.IsForbidden(err):
		return policy.Namespace{}, fmt.Errorf("the webhook may not read namespace %q, whose annotations are the policy: "+
			"its ClusterRole must allow get, list and watch on namespaces", name)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return policy.Namespace{}, fmt.Errorf("namespace %q, whose annotations are the policy, was not read in time: try again", name)
	default:
		return policy.Namespace{}, fmt.Errorf("namespace %q, whose annotations are the policy, cannot be read: %w", name, err)
	}
}

// NamespaceMetadata is the kind of object that Namespaces reads: annotations without the rest.
func NamespaceMetadata() *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}}
}
