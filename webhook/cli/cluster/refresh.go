package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/names"
)

// RequestRefresh annotates an object, so that its syncer reads it now. The token is a text that no request before had.
func (c *Cluster) RequestRefresh(ctx context.Context, k dialect.Kind, namespace, name, token string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{names.AnnotationForceSync: token}}})
	if err != nil {
		return err
	}
	at := resource(k.Type())
	_, err = c.metadata.Resource(at).Namespace(namespace).Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
	if apierrors.IsNotFound(err) {
		return ErrNotFound
	}
	return explained(err, "patch", at.GroupResource(), namespace, name)
}

// Follow calls see with each object of a kind in a namespace, as it is now and whenever it changes, until see is done or the context
// ends. The name may be empty, for all objects; deleted ones are seen as they last were.
func (c *Cluster) Follow(
	ctx context.Context, k dialect.Kind, namespace, name string, see func(o dialect.Object, gone bool) (done bool),
) error {
	var options metav1.ListOptions
	if name != "" {
		options.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	}
	for {
		done, err := c.follow(ctx, k, namespace, options, see)
		if done || err != nil {
			return err
		}
		select { // a server that ends each watch at once is not to be asked without a pause
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Second):
		}
	}
}

// follow lists and watches, until the watch ends.
func (c *Cluster) follow(
	ctx context.Context, k dialect.Kind, namespace string, options metav1.ListOptions, see func(dialect.Object, bool) bool,
) (done bool, err error) {
	at := resource(k.Type())
	client := c.dynamic.Resource(at).Namespace(namespace)
	list, err := client.List(ctx, options)
	if err != nil {
		return false, explained(err, "list", at.GroupResource(), namespace, "")
	}
	for i := range list.Items {
		if done, err := seen(&list.Items[i], k, false, see); done || err != nil {
			return done, err
		}
	}
	options.ResourceVersion = list.GetResourceVersion()
	changes, err := client.Watch(ctx, options)
	if err != nil {
		return false, explained(err, "watch", at.GroupResource(), namespace, "")
	}
	defer changes.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case change, open := <-changes.ResultChan():
			if !open || change.Type == watch.Error { // too old a version, or the server's time for a watch is over
				return false, nil
			}
			object, ok := change.Object.(*unstructured.Unstructured)
			if !ok {
				return false, fmt.Errorf("watch %s: got %T", at.Resource, change.Object)
			}
			if done, err := seen(object, k, change.Type == watch.Deleted, see); done || err != nil {
				return done, err
			}
		}
	}
}

func seen(got *unstructured.Unstructured, k dialect.Kind, gone bool, see func(dialect.Object, bool) bool) (done bool, err error) {
	object, err := typed(got, k.New)
	if err != nil {
		return false, err
	}
	return see(object, gone), nil
}
