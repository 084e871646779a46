package tuenti

import (
	"cmp"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/syncer/internal/metrics"
)

// view shows SecretDefinitions under the names of secrets-manager. Its label name is that of the Secret.
type view struct{}

var (
	secretLabels = []string{"name", "namespace"}

	readErrorsDesc = prometheus.NewDesc("secrets_manager_controller_secret_read_errors_total",
		"Failed reads of a Secret from Kubernetes.", secretLabels, nil)
	errorsDesc = prometheus.NewDesc("secrets_manager_controller_sync_errors_total",
		"Sync attempts that failed.", secretLabels, nil)
	stateDesc = prometheus.NewDesc("secrets_manager_controller_last_sync_status",
		"1 where the last sync attempt succeeded, 0 where it failed.", secretLabels, nil)
)

// Describe implements metrics.View.
func (view) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{readErrorsDesc, errorsDesc, stateDesc} {
		ch <- desc
	}
}

// Collect implements metrics.View. Of two objects that name one Secret, one fails: it counts. Of an object that never was understood,
// which Secret it names is not known.
func (view) Collect(objects map[types.NamespacedName]metrics.Object, ch chan<- prometheus.Metric) {
	secrets := map[types.NamespacedName]metrics.Object{}
	for name, object := range objects {
		if object.Unserved {
			continue
		}
		secret := types.NamespacedName{Namespace: name.Namespace, Name: cmp.Or(object.Secret, name.Name)}
		sum := secrets[secret]
		sum.Errors += object.Errors
		sum.ReadErrors += object.ReadErrors
		sum.Failing = sum.Failing || object.Failing
		secrets[secret] = sum
	}
	for secret, sum := range secrets {
		ok := 1.0
		if sum.Failing {
			ok = 0
		}
		for _, s := range []struct {
			desc  *prometheus.Desc
			kind  prometheus.ValueType
			value float64
		}{
			{readErrorsDesc, prometheus.CounterValue, float64(sum.ReadErrors)},
			{errorsDesc, prometheus.CounterValue, float64(sum.Errors)},
			{stateDesc, prometheus.GaugeValue, ok},
		} {
			ch <- prometheus.MustNewConstMetric(s.desc, s.kind, s.value, secret.Name, secret.Namespace)
		}
	}
}
