package health

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/webhook/cli/shape"
)

func TestMeasure(t *testing.T) {
	overdue, expires := 3.5, time.Unix(1800000000, 0).UTC()
	for name, c := range map[string]struct {
		metrics string
		want    shape.Instance
	}{
		"a syncer": {
			"# TYPE secretgate_syncer_build_info gauge\nsecretgate_syncer_build_info{version=\"v1\"} 1\n" +
				"# TYPE secretgate_breakers_open gauge\nsecretgate_breakers_open{backend=\"vault\"} 2\nsecretgate_breakers_open{backend=\"systemManager\"} 0\n" +
				"# TYPE secretgate_oldest_overdue_seconds gauge\nsecretgate_oldest_overdue_seconds 3.5\n" +
				"# TYPE secretgate_fetch_stalled gauge\nsecretgate_fetch_stalled 1\n# TYPE secretgate_shard_alone gauge\nsecretgate_shard_alone 0\n" +
				"# TYPE secretgate_shard_suspended gauge\nsecretgate_shard_suspended 1\n",
			shape.Instance{Measured: true, Version: "v1", Breakers: []shape.Breaker{{Backend: "vault", Open: 2}}, Overdue: &overdue, Stalled: true, Suspended: true},
		},
		"a webhook, whose first certificate to expire counts": {
			"# TYPE secretgate_webhook_build_info gauge\nsecretgate_webhook_build_info{version=\"v2\"} 1\n" +
				"# TYPE secretgate_webhook_certificate_expiry_timestamp_seconds gauge\n" +
				"secretgate_webhook_certificate_expiry_timestamp_seconds{certificate=\"ca\"} 1.9e+09\n" +
				"secretgate_webhook_certificate_expiry_timestamp_seconds{certificate=\"serving\"} 1.8e+09\n",
			shape.Instance{Measured: true, Version: "v2", CertificateBy: &expires},
		},
		"metrics of another program": {"# TYPE up gauge\nup 1\n", shape.Instance{Measured: true}},
	} {
		t.Run(name, func(t *testing.T) {
			var got shape.Instance
			if err := Measure(&got, strings.NewReader(c.metrics)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	broken := shape.Instance{Pod: "p"}
	if err := Measure(&broken, strings.NewReader("<html>")); err == nil || broken.Measured || !strings.Contains(err.Error(), "pod p") {
		t.Errorf("got %v and %v, want an error that names the pod", err, broken)
	}
}

func TestReplicas(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	lease := func(name, ring string, age time.Duration) coordinationv1.Lease {
		holder, seconds, renewed := name+"_1", int32(15), metav1.NewMicroTime(now.Add(-age))
		return coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ring},
			Spec:       coordinationv1.LeaseSpec{HolderIdentity: &holder, LeaseDurationSeconds: &seconds, RenewTime: &renewed},
		}
	}
	blank := coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "z", Namespace: "r"}}
	got := Replicas([]coordinationv1.Lease{lease("b", "r", 3*time.Second), blank, lease("a", "r", time.Minute), lease("c", "q", 0), lease("d", "r", 4*time.Second)},
		func(l *coordinationv1.Lease) string { return l.Namespace }, now)
	want := []shape.Replica{
		{Ring: "q", Lease: "c", Holder: "c_1", Age: "0s", Members: 1},
		{Ring: "r", Lease: "a", Holder: "a_1", Age: "60s", Expired: true, Members: 2},
		{Ring: "r", Lease: "b", Holder: "b_1", Age: "3s", Members: 2},
		{Ring: "r", Lease: "d", Holder: "d_1", Age: "4s", Members: 2},
		{Ring: "r", Lease: "z", Age: "unknown", Expired: true, Members: 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
