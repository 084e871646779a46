// Package cluster reads a cluster with the user's own rights. Of a Secret it reads metadata alone, and where the names of its entries are
// asked for, nothing but those leaves the package.
package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/policy"
)

// page is as much as one list request answers.
const page = 500

// Cluster is one, as a user sees it.
type Cluster struct {
	dynamic  dynamic.Interface
	metadata metadata.Interface
	typed    kubernetes.Interface
}

// Connect makes one. It sends no request yet.
func Connect(config *rest.Config) (*Cluster, error) {
	config = rest.AddUserAgent(config, "kubectl-secretgate")
	config.QPS = -1 // unlimited: the API server has its own limits
	config.WarningHandlerWithContext = rest.NoWarnings{}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("make a client of the cluster: %w", err)
	}
	var c Cluster
	c.dynamic, err = dynamic.NewForConfigAndClient(config, client)
	var metaErr, typedErr error
	c.metadata, metaErr = metadata.NewForConfigAndClient(config, client)
	c.typed, typedErr = kubernetes.NewForConfigAndClient(config, client)
	if err := errors.Join(err, metaErr, typedErr); err != nil {
		return nil, fmt.Errorf("make a client of the cluster: %w", err)
	}
	return &c, nil
}

var (
	namespaces = corev1.SchemeGroupVersion.WithResource("namespaces")
	secrets    = corev1.SchemeGroupVersion.WithResource("secrets")
)

// ErrNotServed is that the cluster does not know a kind of objects.
var ErrNotServed = errors.New("the cluster does not know this kind")

// ErrNotFound is that an object is not there.
var ErrNotFound = errors.New("it is not there")

// Namespace reads the annotations of a namespace.
func (c *Cluster) Namespace(ctx context.Context, name string) (policy.Namespace, error) {
	object, err := c.metadata.Resource(namespaces).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return policy.Namespace{}, fmt.Errorf("namespace %q: %w", name, ErrNotFound)
	}
	if err != nil {
		return policy.Namespace{}, explained(err, "get", namespaces.GroupResource(), "", name)
	}
	return policy.Namespace{Name: name, Annotations: object.Annotations, Labels: object.Labels}, nil
}

// Namespaces reads the annotations of all namespaces.
func (c *Cluster) Namespaces(ctx context.Context) ([]policy.Namespace, error) {
	var all []policy.Namespace
	err := pages(func(options metav1.ListOptions) (string, error) {
		list, err := c.metadata.Resource(namespaces).List(ctx, options)
		if err != nil {
			return "", explained(err, "list", namespaces.GroupResource(), "", "")
		}
		for i := range list.Items {
			all = append(all, policy.Namespace{Name: list.Items[i].Name, Annotations: list.Items[i].Annotations, Labels: list.Items[i].Labels})
		}
		return list.Continue, nil
	})
	return all, err
}

// pages reads a list page by page.
func pages(read func(metav1.ListOptions) (more string, err error)) error {
	options := metav1.ListOptions{Limit: page}
	for {
		more, err := read(options)
		if err != nil || more == "" {
			return err
		}
		options.Continue = more
	}
}

// resource is that of a type.
func resource(t dialect.Type) schema.GroupVersionResource {
	return t.GroupVersion().WithResource(t.Resource)
}

// Object reads an object. The error is ErrNotFound, or ErrNotServed where the cluster does not know its kind.
func (c *Cluster) Object(ctx context.Context, t dialect.Type, empty func() dialect.Object, namespace, name string) (dialect.Object, error) {
	client := dynamic.ResourceInterface(c.dynamic.Resource(resource(t)))
	if !t.ClusterWide {
		client = c.dynamic.Resource(resource(t)).Namespace(namespace)
	}
	got, err := client.Get(ctx, name, metav1.GetOptions{})
	switch {
	case unknown(err):
		return nil, ErrNotServed
	case apierrors.IsNotFound(err):
		return nil, ErrNotFound
	case err != nil:
		return nil, explained(err, "get", resource(t).GroupResource(), namespace, name)
	}
	return typed(got, empty)
}

// unknown reports whether the API server has no such resource, as opposed to no such object.
func unknown(err error) bool {
	status := apierrors.APIStatus(nil)
	if !apierrors.IsNotFound(err) || !errors.As(err, &status) {
		return false
	}
	details := status.Status().Details
	return details == nil || details.Name == ""
}

// Objects lists the objects of a kind in a namespace, or in all of them. The error is ErrNotServed where the cluster does not know
// the kind.
func (c *Cluster) Objects(ctx context.Context, k dialect.Kind, namespace, selector string) ([]dialect.Object, error) {
	var all []dialect.Object
	at := resource(k.Type())
	err := pages(func(options metav1.ListOptions) (string, error) {
		options.LabelSelector = selector
		list, err := c.dynamic.Resource(at).Namespace(namespace).List(ctx, options)
		if unknown(err) {
			return "", ErrNotServed
		}
		if err != nil {
			return "", explained(err, "list", at.GroupResource(), namespace, "")
		}
		for i := range list.Items {
			object, err := typed(&list.Items[i], k.New)
			if err != nil {
				return "", err
			}
			all = append(all, object)
		}
		return list.GetContinue(), nil
	})
	return all, err
}

// typed is an object as its dialect reads it.
func typed(got *unstructured.Unstructured, empty func() dialect.Object) (dialect.Object, error) {
	raw, err := got.MarshalJSON()
	object := empty()
	if err := errors.Join(err, json.Unmarshal(raw, object)); err != nil {
		return nil, fmt.Errorf("read %s %s/%s: %w", got.GetKind(), got.GetNamespace(), got.GetName(), err)
	}
	return object, nil
}

// Resolve reads what an object refers to, and returns the references beside it. What the user may not read is named by the error, and
// missing from the rest.
func (c *Cluster) Resolve(
	ctx context.Context, stores []dialect.StoreKind, references func(dialect.Resolved) []dialect.Reference,
) (dialect.Resolved, []dialect.Reference, error) {
	return dialect.Resolve(references, func(wanted []dialect.Reference) (dialect.Resolved, error) { return c.read(ctx, stores, wanted) })
}

func (c *Cluster) read(ctx context.Context, stores []dialect.StoreKind, wanted []dialect.Reference) (dialect.Resolved, error) {
	found := dialect.Resolved{}
	var problems []error
	for _, r := range wanted {
		i := slices.IndexFunc(stores, func(s dialect.StoreKind) bool { return s.Type().GroupKind() == r.Kind })
		if i < 0 {
			continue
		}
		object, err := c.Object(ctx, stores[i].Type(), stores[i].New, r.Namespace, r.Name)
		switch {
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrNotServed):
		case err != nil:
			problems = append(problems, err)
		default:
			found[r] = object
		}
	}
	return found, errors.Join(problems...)
}

// Secret reads the metadata of a Secret.
func (c *Cluster) Secret(ctx context.Context, namespace, name string) (*metav1.PartialObjectMetadata, error) {
	object, err := c.metadata.Resource(secrets).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, explained(err, "get", secrets.GroupResource(), namespace, name)
	}
	return object, nil
}

// Entries are the names of a Secret's entries.
func (c *Cluster) Entries(ctx context.Context, namespace, name string) ([]string, error) {
	secret, err := c.typed.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, explained(err, "get", secrets.GroupResource(), namespace, name)
	}
	return slices.Sorted(maps.Keys(secret.Data)), nil
}

// Pods lists those of a namespace.
func (c *Cluster) Pods(ctx context.Context, namespace, selector string) ([]corev1.Pod, error) {
	var all []corev1.Pod
	err := pages(func(options metav1.ListOptions) (string, error) {
		options.LabelSelector = selector
		list, err := c.typed.CoreV1().Pods(namespace).List(ctx, options)
		if err != nil {
			return "", explained(err, "list", schema.GroupResource{Resource: "pods"}, namespace, "")
		}
		all = append(all, list.Items...)
		return list.Continue, nil
	})
	return all, err
}

// Metrics is what a port of a pod shows at /metrics, through the API server.
func (c *Cluster) Metrics(ctx context.Context, namespace, pod, port string) (io.ReadCloser, error) {
	body, err := c.typed.CoreV1().Pods(namespace).ProxyGet("http", pod, port, "/metrics", nil).Stream(ctx)
	return body, explained(err, "get", schema.GroupResource{Resource: "pods/proxy"}, namespace, pod)
}
