package eso

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
)

// view shows ExternalSecrets under the names of External Secrets Operator.
type view struct{}

var (
	objectLabels = []string{"name", "namespace"}

	calls = prometheus.NewDesc("externalsecret_sync_calls_total", "Sync attempts.", objectLabels, nil)
	fails = prometheus.NewDesc("externalsecret_sync_calls_error", "Sync attempts that failed.", objectLabels, nil)
	// status is that of condition Ready, which is the only one.
	status = prometheus.NewDesc("externalsecret_status_condition",
		"1 for the status that the condition has, 0 for the other one.", []string{"name", "namespace", "condition", "status"}, nil)
	duration = prometheus.NewDesc("externalsecret_reconcile_duration",
		"How long the last sync attempt took, in nanoseconds, without the time in which it waited for the backend.", objectLabels, nil)
)

// Describe implements metrics.View.
func (view) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{calls, fails, status, duration} {
		ch <- d
	}
}

// Collect implements metrics.View.
func (view) Collect(objects map[types.NamespacedName]metrics.Object, ch chan<- prometheus.Metric) {
	for name, object := range objects {
		if !object.Unserved && !object.Suspended {
			collect(name, object, ch)
		}
	}
}

func collect(name types.NamespacedName, object metrics.Object, ch chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, value, append([]string{name.Name, name.Namespace}, labels...)...)
	}
	send(calls, prometheus.CounterValue, float64(object.Successes+object.Errors))
	send(fails, prometheus.CounterValue, float64(object.Errors))
	send(duration, prometheus.GaugeValue, float64(object.Took.Nanoseconds()))
	ready, unready := 1.0, 0.0
	if object.Failing {
		ready, unready = unready, ready
	}
	send(status, prometheus.GaugeValue, ready, plan.ConditionReady, "True")
	send(status, prometheus.GaugeValue, unready, plan.ConditionReady, "False")
}

// providers are External Secrets Operator's names of the backends.
var providers = map[plan.Backend]string{
	backends.AWSSecretsManager: "AWS/SecretsManager", backends.AWSParameterStore: "AWS/ParameterStore", backends.Vault: "HashiCorp/Vault",
	backends.AzureKeyVault: "Azure/KeyVault", backends.GCPSecretManager: "GCP/SecretManager", backends.AlicloudKMS: "Alibaba/KMS",
}

var callsOfProviders = prometheus.NewDesc("externalsecret_provider_api_calls_count",
	"Calls of backends, for all APIs that are served: get (one value), batch or walk.", []string{"provider", "call", "status"}, nil)

// providerCalls shows the calls of backends under the name of External Secrets Operator.
type providerCalls struct{ calls *backend.Metrics }

// Describe implements prometheus.Collector.
func (providerCalls) Describe(ch chan<- *prometheus.Desc) { ch <- callsOfProviders }

// Collect implements prometheus.Collector.
func (p providerCalls) Collect(ch chan<- prometheus.Metric) {
	type labels struct{ provider, call, status string }
	counts := map[labels]float64{}
	for _, r := range p.calls.Requests() {
		status := "error"
		if r.Succeeded() {
			status = "success"
		}
		counts[labels{providers[r.Backend], r.Operation, status}] += r.Count
	}
	for l, count := range counts {
		ch <- prometheus.MustNewConstMetric(callsOfProviders, prometheus.CounterValue, count, l.provider, l.call, l.status)
	}
}
