package cluster

import (
	"context"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/webhook/cli/shape"
)

// Deployments lists those of a namespace.
func (c *Cluster) Deployments(ctx context.Context, namespace string) ([]appsv1.Deployment, error) {
	list, err := c.typed.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, explained(err, "list", schema.GroupResource{Group: "apps", Resource: "deployments"}, namespace, "")
	}
	return list.Items, nil
}

// ConfigMap reads the data of one.
func (c *Cluster) ConfigMap(ctx context.Context, namespace, name string) (map[string]string, error) {
	object, err := c.typed.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, explained(err, "get", schema.GroupResource{Resource: "configmaps"}, namespace, name)
	}
	return object.Data, nil
}

// labelRing on a Lease names the ring that its replica belongs to.
const labelRing = names.ReservedPrefix + "ring"

// Ring is the ring of a Lease.
func Ring(l *coordinationv1.Lease) string { return l.Labels[labelRing] }

// Leases lists those of syncers in a namespace.
func (c *Cluster) Leases(ctx context.Context, namespace string) ([]coordinationv1.Lease, error) {
	list, err := c.typed.CoordinationV1().Leases(namespace).List(ctx, metav1.ListOptions{LabelSelector: labelRing})
	if err != nil {
		return nil, explained(err, "list", schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}, namespace, "")
	}
	return list.Items, nil
}

// Webhooks reads the two webhook configurations of a name. One that is not there has none.
func (c *Cluster) Webhooks(ctx context.Context, name string) ([]shape.Webhook, error) {
	group := admissionregistrationv1.SchemeGroupVersion.Group
	api := c.typed.AdmissionregistrationV1()
	all := []shape.Webhook{}
	mutating, err := api.MutatingWebhookConfigurations().Get(ctx, name, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, explained(err, "get", schema.GroupResource{Group: group, Resource: "mutatingwebhookconfigurations"}, "", name)
	}
	if err == nil {
		for _, w := range mutating.Webhooks {
			all = append(all, webhook("MutatingWebhookConfiguration/"+name, w.Name, w.FailurePolicy, w.ClientConfig))
		}
	}
	validating, err := api.ValidatingWebhookConfigurations().Get(ctx, name, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, explained(err, "get", schema.GroupResource{Group: group, Resource: "validatingwebhookconfigurations"}, "", name)
	}
	if err == nil {
		for _, w := range validating.Webhooks {
			all = append(all, webhook("ValidatingWebhookConfiguration/"+name, w.Name, w.FailurePolicy, w.ClientConfig))
		}
	}
	return slices.Clip(all), nil
}

func webhook(configuration, name string, fails *admissionregistrationv1.FailurePolicyType,
	to admissionregistrationv1.WebhookClientConfig,
) shape.Webhook {
	w := shape.Webhook{Configuration: configuration, Name: name, FailurePolicy: "Fail", CA: len(to.CABundle) > 0}
	if fails != nil {
		w.FailurePolicy = string(*fails)
	}
	return w
}
