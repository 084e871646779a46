// Package health reads what the services say of themselves: the metrics of their pods, and the Leases of their replicas.
package health

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/secretgate/secretgate/webhook/cli/shape"
)

// maxMetrics bounds what is read of one pod: a syncer has some series for each object.
const maxMetrics = 64 << 20

// Measure adds what a pod's metrics say, those of either service.
func Measure(i *shape.Instance, metrics io.Reader) error {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(io.LimitReader(metrics, maxMetrics))
	if err != nil {
		return fmt.Errorf("read the metrics of pod %s: %w", i.Pod, err)
	}
	i.Measured = true
	for _, name := range []string{"secretgate_syncer_build_info", "secretgate_webhook_build_info"} {
		for _, m := range families[name].GetMetric() {
			i.Version = label(m, "version")
		}
	}
	for _, m := range families["secretgate_breakers_open"].GetMetric() {
		if open := int(m.GetGauge().GetValue()); open > 0 {
			i.Breakers = append(i.Breakers, shape.Breaker{Backend: label(m, "backend"), Open: open})
		}
	}
	slices.SortFunc(i.Breakers, func(a, b shape.Breaker) int { return cmp.Compare(a.Backend, b.Backend) })
	for _, m := range families["secretgate_oldest_overdue_seconds"].GetMetric() {
		overdue := m.GetGauge().GetValue()
		i.Overdue = &overdue
	}
	for _, one := range []struct {
		metric string
		holds  *bool
	}{{"secretgate_fetch_stalled", &i.Stalled}, {"secretgate_shard_alone", &i.Alone}, {"secretgate_shard_suspended", &i.Suspended}} {
		for _, m := range families[one.metric].GetMetric() {
			*one.holds = m.GetGauge().GetValue() > 0
		}
	}
	for _, m := range families["secretgate_webhook_certificate_expiry_timestamp_seconds"].GetMetric() {
		at := time.Unix(int64(m.GetGauge().GetValue()), 0).UTC()
		if i.CertificateBy == nil || at.Before(*i.CertificateBy) {
			i.CertificateBy = &at
		}
	}
	return nil
}

func label(m *io_prometheus_client.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

// Replicas lists the holders of Leases, each with how many share its ring. ring is the ring of a Lease.
func Replicas(leases []coordinationv1.Lease, ring func(*coordinationv1.Lease) string, now time.Time) []shape.Replica {
	members := map[string]int{}
	all := make([]shape.Replica, 0, len(leases))
	for i := range leases {
		one := replica(&leases[i], ring(&leases[i]), now)
		if !one.Expired {
			members[one.Ring]++
		}
		all = append(all, one)
	}
	for i := range all {
		all[i].Members = members[all[i].Ring]
	}
	slices.SortFunc(all, func(a, b shape.Replica) int {
		return cmp.Or(cmp.Compare(a.Ring, b.Ring), cmp.Compare(a.Lease, b.Lease))
	})
	return all
}

func replica(l *coordinationv1.Lease, ring string, now time.Time) shape.Replica {
	one := shape.Replica{Ring: ring, Lease: l.Name, Age: "unknown", Expired: true}
	if l.Spec.HolderIdentity != nil {
		one.Holder = *l.Spec.HolderIdentity
	}
	if l.Spec.RenewTime == nil {
		return one
	}
	age := now.Sub(l.Spec.RenewTime.Time)
	one.Age = duration.HumanDuration(max(age, 0))
	if l.Spec.LeaseDurationSeconds != nil {
		one.Expired = age > time.Duration(*l.Spec.LeaseDurationSeconds)*time.Second
	}
	return one
}
