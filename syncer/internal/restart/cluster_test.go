package restart

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/revision"
	"github.com/secretgate/secretgate/syncer/internal/restart/decision"
	"github.com/secretgate/secretgate/syncer/internal/restart/workload"
)

// Clusters make namespaces for each branch and each test run: what is gone must not be kept.
func TestANamespaceOfWhichNothingIsKnownIsForgotten(t *testing.T) {
	db := &made{source: revision.Source{Kind: revision.Secret, Name: "db"}, uid: "uid-db", count: 1}
	off := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "ns", Annotations: map[string]string{names.AnnotationRestart: "false"}}}
	on := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "ns"}}
	for _, tc := range []struct {
		name string
		do   func(r *Reconciler)
		want int
	}{
		{"it is seen, and has nothing", func(r *Reconciler) { r.seeNamespace(on, false) }, 0},
		{"it has a workload", func(r *Reconciler) { r.seeWorkload(deployment("ns", "web", asks(), "db"), false) }, 1},
		{"its workload is gone", func(r *Reconciler) {
			r.seeWorkload(deployment("ns", "web", asks(), "db"), false)
			r.seeWorkload(deployment("ns", "web", asks(), "db"), true)
		}, 0},
		{"its workload is gone, and its object stays", func(r *Reconciler) {
			r.cluster.setMaker("ns", maker{"ExternalSecret", "db"}, db)
			r.seeWorkload(deployment("ns", "web", asks(), "db"), false)
			r.seeWorkload(deployment("ns", "web", asks(), "db"), true)
		}, 1},
		{"its object is gone", func(r *Reconciler) {
			r.cluster.setMaker("ns", maker{"ExternalSecret", "db"}, db)
			r.cluster.setMaker("ns", maker{"ExternalSecret", "db"}, nil)
		}, 0},
		{"something is gone that was never seen", func(r *Reconciler) {
			r.cluster.setMaker("ns", maker{"ExternalSecret", "db"}, nil)
			r.seeWorkload(deployment("ns", "web", asks(), "db"), true)
		}, 0},
		{"restarts are switched off there", func(r *Reconciler) { r.seeNamespace(off, false) }, 1},
		{"it is gone, and restarts were switched off there", func(r *Reconciler) {
			r.seeNamespace(off, false)
			r.seeNamespace(off, true)
		}, 0},
		{"a workload is asked about that is gone", func(r *Reconciler) {
			r.cluster.state(web, time.Time{})
			r.cluster.setPending(web, decision.ReasonPaused, nil)
		}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := simulate(t, workload.Options{})
			tc.do(s.r)
			if got := len(s.r.cluster.namespaces); got != tc.want {
				t.Errorf("got %d namespaces that are kept, want %d", got, tc.want)
			}
		})
	}
}

func TestTheCountsOfANamespaceEndWithIt(t *testing.T) {
	s := simulate(t, workload.Options{})
	for _, name := range []string{"ns", "other"} {
		s.r.Metrics.restarted(&workload.Workload{Key: Key{Kind: workload.Deployment, Namespace: name, Name: "web"}}, 2)
	}
	s.r.seeNamespace(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "ns"}}, true)
	if got := testutil.CollectAndCount(s.r.Metrics); got != 2 {
		t.Errorf("got %d series, want the two of the other namespace", got)
	}
}
