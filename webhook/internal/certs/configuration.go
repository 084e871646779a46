package certs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const fieldManager = "secretgate-webhook"

// configuration is what a mutating and a validating webhook configuration have in common.
type configuration struct {
	kind    string
	object  client.Object
	entries []entry
}

type entry struct {
	name   string
	client admissionv1.WebhookClientConfig
}

// readConfigurations returns the configurations of that name, and which of the two do not exist: that is no error of
// reading, for they may be applied after us.
func readConfigurations(ctx context.Context, api client.Reader, name string) (found []configuration, absent, err error) {
	mutating := &admissionv1.MutatingWebhookConfiguration{}
	switch exists, err := get(ctx, api, "MutatingWebhookConfiguration", name, mutating); {
	case err != nil:
		return nil, nil, err
	case !exists:
		absent = errors.Join(absent, absence("MutatingWebhookConfiguration", name))
	default:
		c := configuration{kind: "MutatingWebhookConfiguration", object: mutating}
		for _, webhook := range mutating.Webhooks {
			c.entries = append(c.entries, entry{webhook.Name, webhook.ClientConfig})
		}
		found = append(found, c)
	}
	validating := &admissionv1.ValidatingWebhookConfiguration{}
	switch exists, err := get(ctx, api, "ValidatingWebhookConfiguration", name, validating); {
	case err != nil:
		return nil, nil, err
	case !exists:
		absent = errors.Join(absent, absence("ValidatingWebhookConfiguration", name))
	default:
		c := configuration{kind: "ValidatingWebhookConfiguration", object: validating}
		for _, webhook := range validating.Webhooks {
			c.entries = append(c.entries, entry{webhook.Name, webhook.ClientConfig})
		}
		found = append(found, c)
	}
	return found, absent, nil
}

func absence(kind, name string) error {
	return fmt.Errorf("%s %q does not exist: apply kustomize/base/webhook, or set --webhook-configuration", kind, name)
}

func get(ctx context.Context, api client.Reader, kind, name string, into client.Object) (exists bool, err error) {
	err = api.Get(ctx, client.ObjectKey{Name: name}, into)
	switch {
	case apierrors.IsNotFound(err):
		return false, nil
	case apierrors.IsForbidden(err):
		return false, fmt.Errorf("read %s %q: %w: the ClusterRole of the webhook's ServiceAccount must allow get on it by name", kind, name, err)
	case err != nil:
		return false, fmt.Errorf("read %s %q: %w", kind, name, err)
	}
	return true, nil
}

// carries says whether every entry has exactly this bundle.
func (c configuration) carries(bundle []byte) bool {
	for _, e := range c.entries {
		if !bytes.Equal(e.client.CABundle, bundle) {
			return false
		}
	}
	return true
}

// patch returns a strategic merge patch that sets the bundle of the entries that differ, and touches nothing else; nil if
// none does. It holds for the version that was read: see authority.advance.
func (c configuration) patch(bundle []byte) ([]byte, error) {
	type clientConfig struct {
		CABundle []byte `json:"caBundle"`
	}
	type webhook struct {
		Name         string       `json:"name"` // the merge key
		ClientConfig clientConfig `json:"clientConfig"`
	}
	var webhooks []webhook
	for _, e := range c.entries {
		if !bytes.Equal(e.client.CABundle, bundle) {
			webhooks = append(webhooks, webhook{e.name, clientConfig{bundle}})
		}
	}
	if len(webhooks) == 0 {
		return nil, nil
	}
	return json.Marshal(map[string]any{
		"metadata": map[string]string{"resourceVersion": c.object.GetResourceVersion()},
		"webhooks": webhooks,
	})
}

// publish writes the bundle into a configuration where it is missing.
func publish(ctx context.Context, api client.Writer, c configuration, bundle []byte) (changed bool, err error) {
	patch, err := c.patch(bundle)
	if err != nil || patch == nil {
		return false, err
	}
	err = api.Patch(ctx, c.object, client.RawPatch(types.StrategicMergePatchType, patch), client.FieldOwner(fieldManager))
	switch {
	case apierrors.IsForbidden(err):
		return false, fmt.Errorf("publish the CA in %s %q: %w: the ClusterRole of the webhook's ServiceAccount must allow patch on it by name",
			c.kind, c.object.GetName(), err)
	case err != nil:
		return false, fmt.Errorf("publish the CA in %s %q: %w", c.kind, c.object.GetName(), err)
	}
	return true, nil
}
