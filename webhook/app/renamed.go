package app

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/policy"
)

// namespaceWebhook is the entry of the validating configuration that asks us about namespaces.
const namespaceWebhook = "namespaces.secretgate.io"

// renamed warns, at the start, of annotations that were renamed by a setting but not in the configuration: the API server does
// not send changes of those. It is a Runnable.
type renamed struct {
	api           client.Reader
	configuration string
	settings      policy.Settings
	log           *slog.Logger
}

// Start never fails: nothing relies on the webhook of namespaces, and readiness reports a configuration that is not there.
func (r renamed) Start(ctx context.Context) error {
	var configuration admissionregistrationv1.ValidatingWebhookConfiguration
	if err := r.api.Get(ctx, client.ObjectKey{Name: r.configuration}, &configuration); err != nil {
		return nil //nolint:nilerr // see above
	}
	for _, key := range unasked(configuration, r.settings) {
		r.log.WarnContext(ctx, "The API server does not send changes of this annotation of namespaces: name it in the webhook's matchConditions",
			"annotation", key, "configuration", r.configuration, "webhook", namespaceWebhook)
	}
	return nil
}

// NeedLeaderElection says that every replica looks.
func (renamed) NeedLeaderElection() bool { return false }

// unasked lists the annotations that no condition of the namespaces' entry names, which is none where there is no such entry.
func unasked(configuration admissionregistrationv1.ValidatingWebhookConfiguration, s policy.Settings) []string {
	at := slices.IndexFunc(configuration.Webhooks, func(w admissionregistrationv1.ValidatingWebhook) bool {
		return w.Name == namespaceWebhook
	})
	if at < 0 || len(configuration.Webhooks[at].MatchConditions) == 0 {
		return nil
	}
	var keys []string
	for _, key := range s.PatternAnnotations() {
		named := slices.ContainsFunc(configuration.Webhooks[at].MatchConditions, func(m admissionregistrationv1.MatchCondition) bool {
			return strings.Contains(m.Expression, "'"+key+"'")
		})
		if !named && !slices.ContainsFunc(names.PolicyPrefixes(), func(prefix string) bool { return strings.HasPrefix(key, prefix) }) {
			keys = append(keys, key)
		}
	}
	return keys
}
