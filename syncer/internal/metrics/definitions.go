package metrics

import (
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
)

// Definitions measures syncs of SecretDefinitions under the names of secrets-manager. Its label name is that of the Secret.
// The series disappear with the objects. It is a prometheus.Collector.
type Definitions struct {
	mu    sync.Mutex
	known map[types.NamespacedName]definition
}

type definition struct {
	secret             string
	errors, readErrors uint64
	failing            bool
}

// NewDefinitions makes the metrics.
func NewDefinitions() *Definitions { return &Definitions{known: map[types.NamespacedName]definition{}} }

var (
	secretLabels = []string{"name", "namespace"}

	readErrorsOfDefinitions = prometheus.NewDesc("secrets_manager_controller_secret_read_errors_total",
		"Errors of reading a Secret from Kubernetes.", secretLabels, nil)
	errorsOfDefinitions = prometheus.NewDesc("secrets_manager_controller_sync_errors_total",
		"Sync attempts that failed.", secretLabels, nil)
	stateOfDefinitions = prometheus.NewDesc("secrets_manager_controller_last_sync_status",
		"1 where the last sync attempt succeeded, 0 where it failed.", secretLabels, nil)
)

// Observe counts one sync attempt. The counts of a Secret that the object no longer names go.
func (d *Definitions) Observe(a Attempt) {
	if a.Unserved {
		return // its namespace is excluded, as the user knows
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	known := d.known[a.Object]
	if a.Secret == "" && known.secret == "" {
		a.Secret = a.Object.Name // which Secret it names cannot be told
	}
	if a.Secret != "" && known.secret != a.Secret {
		known = definition{secret: a.Secret}
	}
	known.failing = !a.Success
	if !a.Success {
		known.errors++
	}
	if a.Unreadable {
		known.readErrors++
	}
	d.known[a.Object] = known
}

// Refreshed counts a refresh that brought no news, for an object that was observed before.
func (d *Definitions) Refreshed(name types.NamespacedName, success bool, _ time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if known, ok := d.known[name]; ok && (!success || known.failing) {
		known.failing = true
		known.errors++
		d.known[name] = known
	}
}

// Forget drops the series of an object that is gone, or is no longer this syncer's.
func (d *Definitions) Forget(name types.NamespacedName) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.known, name)
}

// Describe implements prometheus.Collector.
func (d *Definitions) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{readErrorsOfDefinitions, errorsOfDefinitions, stateOfDefinitions} {
		ch <- desc
	}
}

// Collect implements prometheus.Collector. Of two objects that name one Secret, one fails: it counts.
func (d *Definitions) Collect(ch chan<- prometheus.Metric) {
	d.mu.Lock()
	known := maps.Clone(d.known) // nobody waits for whoever reads the metrics
	d.mu.Unlock()
	secrets := map[types.NamespacedName]definition{}
	for object, one := range known {
		secret := types.NamespacedName{Namespace: object.Namespace, Name: one.secret}
		sum := secrets[secret]
		sum.errors += one.errors
		sum.readErrors += one.readErrors
		sum.failing = sum.failing || one.failing
		secrets[secret] = sum
	}
	for secret, sum := range secrets {
		ok := 1.0
		if sum.failing {
			ok = 0
		}
		for _, s := range []struct {
			desc  *prometheus.Desc
			kind  prometheus.ValueType
			value float64
		}{
			{readErrorsOfDefinitions, prometheus.CounterValue, float64(sum.readErrors)},
			{errorsOfDefinitions, prometheus.CounterValue, float64(sum.errors)},
			{stateOfDefinitions, prometheus.GaugeValue, ok},
		} {
			ch <- prometheus.MustNewConstMetric(s.desc, s.kind, s.value, secret.Name, secret.Namespace)
		}
	}
}
