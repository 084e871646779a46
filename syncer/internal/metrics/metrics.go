// Package metrics holds the syncer's metrics about objects: Secretgate's own, with the labels dialect and kind, and through Views
// those that users of the original controllers have on their dashboards. No label carries a backend key.
package metrics

import (
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/template"
)

// Objects measures syncs of the objects of all kinds. It is a prometheus.Collector that keeps numbers and makes series of them when
// asked: kept as series, those of ten thousand objects would be a large part of the syncer's memory.
type Objects struct{ kinds []*Kind }

// View shows the objects of one kind under the names of its original controller.
type View interface {
	Describe(ch chan<- *prometheus.Desc)
	// Collect sends the series of all objects, which it must not change.
	Collect(objects map[types.NamespacedName]Object, ch chan<- prometheus.Metric)
}

// Kind measures syncs of the objects of one kind. The series of an object disappear with Forget.
type Kind struct {
	labels []string // dialect and kind
	view   View     // nil: there is none
	mu     sync.Mutex
	known  map[types.NamespacedName]Object
	// templates counts those that could not be rendered.
	templates map[template.Kind]uint64
}

// Object is what is known of one, since it names its backend and its Secret.
type Object struct {
	Backend           string // that it was last read from
	Secret            string // its name; empty: it was never understood
	Reason            string // of condition Ready, after the last attempt
	Successes, Errors uint64
	ReadErrors        uint64 // the API server did not show the Secret
	Failing           bool
	Suspended         bool
	Unserved          bool  // by this syncer; there is nothing else then
	LastSuccess       int64 // Unix time; 0: never
	// Took is how long the last attempt took, without the time in which it waited for the backend.
	Took time.Duration
}

// Attempt is what came of one sync attempt.
type Attempt struct {
	Object     types.NamespacedName
	Secret     string // the name of its Secret; empty where the object is not understood, as is Backend
	Backend    string
	Reason     string // of condition Ready
	Success    bool
	Suspended  bool // it was none: the object is not synced for now
	Unserved   bool // it was none: the object is another syncer's to serve, if any's
	Unreadable bool // the API server did not show the Secret
	At         time.Time
	// LastSuccess is what the object's status says, which may be of another replica's or of an earlier run's; zero: never.
	LastSuccess time.Time
	Templates   []template.Kind // why templates could not be rendered, one kind for each
}

// Of makes the metrics of one more kind. It may be called before the Objects are registered only.
func (o *Objects) Of(kind dialect.Type, view View) *Kind {
	k := &Kind{
		labels: []string{kind.Dialect, kind.Kind}, view: view,
		known: map[types.NamespacedName]Object{}, templates: map[template.Kind]uint64{},
	}
	o.kinds = append(o.kinds, k)
	return k
}

var (
	lastSuccess = prometheus.NewDesc("secretgate_last_success_timestamp_seconds",
		"When the Secret was last known to be in sync with the backend, in Unix time.", []string{"dialect", "kind", "namespace", "name"}, nil)
	failing = prometheus.NewDesc("secretgate_sync_failing",
		"1 where the last sync attempt failed, 0 where it succeeded.", []string{"dialect", "kind", "namespace", "name"}, nil)
	reasons = prometheus.NewDesc("secretgate_objects",
		"Objects that this replica serves, by the reason of their condition Ready.", []string{"dialect", "kind", "namespace", "reason"}, nil)
	unserved = prometheus.NewDesc("secretgate_unserved_objects",
		"Objects that this syncer does not serve, because of their controllerId or namespace. Another syncer may serve them.",
		[]string{"dialect", "kind", "namespace"}, nil)
	templates = prometheus.NewDesc("secretgate_template_errors_total",
		"Templates that could not be rendered, by why: syntax, name, value, limit (time, memory or size), output or busy (no worker in time).",
		[]string{"dialect", "kind", "reason"}, nil)
)

// Observe counts one sync attempt. The counts of a backend or a Secret that the object no longer names go. An object that is suspended is
// counted by its reason, and neither fails nor ages.
func (k *Kind) Observe(a Attempt) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if a.Unserved {
		k.known[a.Object] = Object{Unserved: true}
		return
	}
	for _, why := range a.Templates {
		k.templates[why]++
	}
	known := k.known[a.Object]
	if a.Suspended {
		k.known[a.Object] = Object{Reason: a.Reason, Secret: a.Secret, Suspended: true}
		return
	}
	if known.Backend != a.Backend || a.Secret != "" && a.Secret != known.Secret {
		known = Object{Backend: a.Backend, Secret: known.Secret, LastSuccess: known.LastSuccess, Took: known.Took}
	}
	if a.Secret != "" {
		known.Secret = a.Secret
	}
	if !a.LastSuccess.IsZero() {
		known.LastSuccess = max(known.LastSuccess, a.LastSuccess.Unix())
	}
	known.count(a.Success, a.At)
	if a.Unreadable {
		known.ReadErrors++
	}
	known.Reason, known.Suspended, known.Unserved = a.Reason, false, false
	k.known[a.Object] = known
}

// Refreshed counts a refresh that changed nothing, for an object that was observed before: one with a value that cannot be used,
// or whose Secret cannot be written, fails as before though the value could be read.
func (k *Kind) Refreshed(name types.NamespacedName, success bool, at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if known, ok := k.known[name]; ok && !known.Suspended && !known.Unserved {
		known.count(success && !known.Failing, at)
		k.known[name] = known
	}
}

func (o *Object) count(success bool, at time.Time) {
	o.Failing = !success
	if success {
		o.Successes++
		o.LastSuccess = at.Unix()
	} else {
		o.Errors++
	}
}

// Took records how long an attempt took, for an object that is known.
func (k *Kind) Took(name types.NamespacedName, took time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if known, ok := k.known[name]; ok {
		known.Took = took
		k.known[name] = known
	}
}

// Forget drops the series of an object that is gone, or is no longer this syncer's.
func (k *Kind) Forget(name types.NamespacedName) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.known, name)
}

// Describe implements prometheus.Collector.
func (o *Objects) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{lastSuccess, failing, reasons, unserved, templates} {
		ch <- d
	}
	for _, k := range o.kinds {
		if k.view != nil {
			k.view.Describe(ch)
		}
	}
}

// Collect implements prometheus.Collector.
func (o *Objects) Collect(ch chan<- prometheus.Metric) {
	for _, k := range o.kinds {
		k.collect(ch)
	}
}

func (k *Kind) collect(ch chan<- prometheus.Metric) {
	k.mu.Lock()
	known := maps.Clone(k.known) // no caller waits for a scrape
	failed := maps.Clone(k.templates)
	k.mu.Unlock()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, append(k.labels[:2:2], labels...)...)
	}
	type place struct{ namespace, reason string }
	count, others := map[place]int{}, map[string]int{}
	for name, object := range known {
		if object.Unserved {
			others[name.Namespace]++
			continue
		}
		count[place{name.Namespace, object.Reason}]++
		if object.Suspended {
			continue
		}
		value := 0.0
		if object.Failing {
			value = 1
		}
		gauge(failing, value, name.Namespace, name.Name)
		if object.LastSuccess > 0 {
			gauge(lastSuccess, float64(object.LastSuccess), name.Namespace, name.Name)
		}
	}
	for why, n := range failed {
		ch <- prometheus.MustNewConstMetric(templates, prometheus.CounterValue, float64(n), append(k.labels[:2:2], string(why))...)
	}
	for namespace, n := range others {
		gauge(unserved, float64(n), namespace)
	}
	for p, n := range count {
		gauge(reasons, float64(n), p.namespace, p.reason)
	}
	if k.view != nil {
		k.view.Collect(known, ch)
	}
}
