package check

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/secretgate/secretgate/shared/policy"
)

// liveTimeout is how long a cluster may take to answer.
const liveTimeout = 10 * time.Second

// ClusterObject reads what objects refer to, when it is needed.
func ClusterObject(config *rest.Config) (LiveObject, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1 // unlimited: each object is asked for once
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client of the cluster: %w", err)
	}
	return func(ctx context.Context, resource schema.GroupVersionResource, namespace, name string) (map[string]any, bool, error) {
		ctx, cancel := context.WithTimeout(ctx, liveTimeout)
		defer cancel()
		object, err := client.Resource(resource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		return object.Object, true, nil
	}, nil
}

// Cluster reads namespaces, each as metadata when it is needed, and nothing else.
func Cluster(config *rest.Config) (Live, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1 // unlimited: each namespace is asked for once
	client, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client of the cluster: %w", err)
	}
	api := client.Resource(corev1.SchemeGroupVersion.WithResource("namespaces"))
	return func(ctx context.Context, name string) (policy.Namespace, bool, error) {
		ctx, cancel := context.WithTimeout(ctx, liveTimeout)
		defer cancel()
		object, err := api.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return policy.Namespace{}, false, nil
		}
		if err != nil {
			return policy.Namespace{}, false, err
		}
		return policy.Namespace{Name: name, Annotations: object.Annotations, Labels: object.Labels}, true, nil
	}, nil
}
