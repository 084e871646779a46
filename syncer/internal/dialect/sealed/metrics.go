package sealed

import (
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/dialect/sealed/v1alpha1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
)

var (
	unseals = prometheus.NewDesc("sealed_secrets_controller_unseal_requests_total",
		"Attempts to open SealedSecrets and write their Secrets.", nil, nil)
	failed = prometheus.NewDesc("sealed_secrets_controller_unseal_errors_total",
		"Attempts that failed, by why: unseal, update or unmanaged.", []string{"reason", "namespace"}, nil)
	condition = prometheus.NewDesc("sealed_secrets_controller_condition_info",
		"1 where the condition Synced is True, -1 where it is False. The instance is always empty.",
		[]string{"namespace", "name", "condition", "ss_app_kubernetes_io_instance"}, nil)
)

// view shows SealedSecrets under the names of Sealed Secrets. These have sums over all objects, which must not fall when an object goes: so
// what has been counted of each is kept.
type view struct {
	mu       sync.Mutex
	counted  map[types.NamespacedName]counts
	requests uint64
	errors   map[cause]uint64
}

type counts struct{ successes, errors uint64 }

// cause is why attempts failed, and where.
type cause struct{ reason, namespace string }

// Describe implements metrics.View.
func (*view) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{unseals, failed, condition} {
		ch <- d
	}
}

// Collect implements metrics.View. An attempt counts for the reason that the object has when the metrics are read.
func (v *view) Collect(objects map[types.NamespacedName]metrics.Object, ch chan<- prometheus.Metric) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.count(objects)
	ch <- prometheus.MustNewConstMetric(unseals, prometheus.CounterValue, float64(v.requests))
	for c, n := range v.errors {
		ch <- prometheus.MustNewConstMetric(failed, prometheus.CounterValue, float64(n), c.reason, c.namespace)
	}
	for name, object := range objects {
		if object.Unserved || object.Suspended {
			continue
		}
		value := 1.0
		if object.Failing {
			value = -1
		}
		ch <- prometheus.MustNewConstMetric(condition, prometheus.GaugeValue, value, name.Namespace, name.Name, v1alpha1.ConditionSynced, "")
	}
}

// count adds what is new since the last time.
func (v *view) count(objects map[types.NamespacedName]metrics.Object) {
	if v.counted == nil {
		v.counted, v.errors = map[types.NamespacedName]counts{}, map[cause]uint64{}
	}
	for name, object := range objects {
		last, now := v.counted[name], counts{object.Successes, object.Errors}
		if now.successes < last.successes || now.errors < last.errors { // it is counted anew
			last = counts{}
		}
		v.requests += now.successes - last.successes + now.errors - last.errors
		if more := now.errors - last.errors; more > 0 {
			v.errors[cause{why(plan.Reason(object.Reason)), name.Namespace}] += more
		}
		v.counted[name] = now
	}
	maps.DeleteFunc(v.counted, func(name types.NamespacedName, _ counts) bool {
		_, there := objects[name]
		return !there
	})
}

// why is the reason of a failure by the word that Sealed Secrets has for it.
func why(reason plan.Reason) string {
	switch {
	case reason == plan.ReasonSecretNotOwned:
		return "unmanaged"
	case slices.Contains([]plan.Reason{plan.ReasonSecretWriteFailed, plan.ReasonSecretMissing}, reason):
		return "update"
	}
	return "unseal"
}
