package restart

import (
	"errors"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/revision"
	"github.com/secretgate/secretgate/syncer/internal/restart/decision"
	"github.com/secretgate/secretgate/syncer/internal/restart/rollout"
	"github.com/secretgate/secretgate/syncer/internal/restart/workload"
)

var web = Key{Kind: workload.Deployment, Namespace: "ns", Name: "web"}

// said are the events until now, each a line.
func (s *simulation) said() string {
	s.t.Helper()
	var all eventsv1.EventList
	if err := s.api.List(s.t.Context(), &all); err != nil {
		s.t.Fatal(err)
	}
	lines := make([]string, 0, len(all.Items))
	for _, e := range all.Items {
		lines = append(lines, e.Type+" "+e.Reason+" "+e.Regarding.Kind+" "+e.Regarding.Name+": "+e.Note)
	}
	return strings.Join(lines, "\n")
}

func TestTheFirstSecretOfANewWorkloadRestartsNothing(t *testing.T) { // Reloader's issue 272
	s := simulate(t, workload.Options{}, deployment("ns", "web", asks(), "db", "tls"))
	s.pass(time.Minute)
	s.secret("ns", "db", 1)
	s.pass(time.Minute)
	s.secret("ns", "tls", 4) // one that is there for long, and new to the workload
	s.pass(time.Minute)
	s.wantRestarts("with its first Secrets", web, 0)
	if got, want := s.get(web).Annotations[names.AnnotationRevisions], "db=uid-db.1,tls=uid-tls.4"; got != want {
		t.Errorf("got the record %q, want %q", got, want)
	}
	if got := s.get(web).Spec.Template.Annotations; got != nil {
		t.Errorf("got annotations %v of the pod template, want none", got)
	}
}

func TestChangesThatComeTogetherAreOneRestart(t *testing.T) { // Reloader's issues 837 and 992
	s := simulate(t, workload.Options{}, deployment("ns", "web", asks(), "db", "tls"))
	s.secret("ns", "db", 1)
	s.secret("ns", "tls", 1)
	s.pass(time.Minute)
	s.secret("ns", "db", 2)
	s.pass(8 * time.Second)
	s.secret("ns", "tls", 2)
	s.pass(9 * time.Second)
	s.wantRestarts("within the quiet period", web, 0)
	s.pass(time.Minute)
	s.wantRestarts("after it", web, 1)
	const want = "db=uid-db.2,tls=uid-tls.2"
	if d := s.get(web); d.Annotations[names.AnnotationRevisions] != want || d.Spec.Template.Annotations[names.AnnotationRevisions] != want {
		t.Errorf("got %q and %q, want %q twice", d.Annotations, d.Spec.Template.Annotations, want)
	}
	if said := s.said(); !strings.Contains(said, "Secret db changed from revision uid-db.1 to uid-db.2, Secret tls changed from revision uid-tls.1 to uid-tls.2") {
		t.Errorf("got the events %q", said)
	}
}

func TestWhatChangesWhileNoProcessRunsIsNotMissed(t *testing.T) { // Reloader's issues 640 and 814
	s := simulate(t, workload.Options{}, deployment("ns", "web", asks(), "db"), deployment("ns", "other", asks(), "other"))
	s.secret("ns", "db", 1)
	s.secret("ns", "other", 1)
	s.pass(time.Minute)
	s.counts["ns/db"] = 2 // unseen
	s.start(workload.Options{})
	s.pass(time.Minute)
	s.wantRestarts("what changed", web, 1)
	s.wantRestarts("what did not (issue 166)", Key{Kind: workload.Deployment, Namespace: "ns", Name: "other"}, 0)
	s.start(workload.Options{})
	s.pass(10 * time.Minute)
	s.wantRestarts("after another start", web, 1)
}

func TestRestartsOfOneWorkloadAreApart(t *testing.T) { // Reloader's issue 1183
	s := simulate(t, workload.Options{}, deployment("ns", "web", asks(), "db"))
	s.secret("ns", "db", 1)
	s.pass(time.Minute)
	for count := range int64(3600) {
		s.secret("ns", "db", count+2)
		s.pass(time.Second)
	}
	if got := len(s.restarts[web]); got < 9 || got > 12 {
		t.Errorf("got %d restarts in an hour of changes, want one each five minutes at most", got)
	}
	s.pass(10 * time.Minute)
	if got, want := s.get(web).Annotations[names.AnnotationRevisions], "db=uid-db.3601"; got != want {
		t.Errorf("got %q in the end, want %q", got, want)
	}
}

func TestAWorkloadThatCannotRollOutIsLeftAsItIs(t *testing.T) { // Reloader's issues 1016 and 1219
	d := deployment("ns", "web", asks(), "db")
	d.Spec.Paused = true
	s := simulate(t, workload.Options{}, d)
	s.secret("ns", "db", 1)
	s.pass(time.Minute)
	s.secret("ns", "db", 2)
	s.pass(time.Hour)
	s.wantRestarts("while it is paused", web, 0)
	if said := s.said(); strings.Count(said, "RestartPending") != 1 || !strings.Contains(said, "Paused: pods still have the previous db") {
		t.Errorf("got the events %q, want one that says why nothing happens", said)
	}
	if waiting := s.r.cluster.waiting()["ns"][decision.ReasonPaused]; waiting != 1 {
		t.Errorf("got %d workloads that wait, want 1", waiting)
	}
	resumed := s.get(web)
	resumed.Spec.Paused = false
	if err := s.api.Update(t.Context(), resumed); err != nil {
		t.Fatal(err)
	}
	s.see(s.get(web))
	s.pass(time.Minute)
	s.wantRestarts("when it is resumed", web, 1)
	if len(s.r.cluster.waiting()) > 0 {
		t.Errorf("got %v, want nothing that waits", s.r.cluster.waiting())
	}
}

func TestSwitchesAtEachLevel(t *testing.T) { // Reloader's issue 274
	for _, tc := range []struct {
		name string
		off  func(s *simulation, off bool)
	}{
		{"a namespace", func(s *simulation, off bool) {
			s.look(s.r.cluster.setOff("ns", off))
		}},
		{"a workload", func(s *simulation, off bool) {
			d := s.get(web)
			d.Annotations[names.AnnotationRestart] = map[bool]string{true: "false", false: "true"}[off]
			if err := s.api.Update(s.t.Context(), d); err != nil {
				s.t.Fatal(err)
			}
			s.see(s.get(web))
		}},
		{"an object", func(s *simulation, off bool) {
			says := made{source: revision.Source{Kind: revision.Secret, Name: "db"}, uid: "uid-db", count: s.counts["ns/db"]}
			says.offer.Never = off
			s.set("ns", maker{objectKind, "db"}, &says)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := simulate(t, workload.Options{}, deployment("ns", "web", asks(), "db"))
			s.secret("ns", "db", 1)
			s.pass(time.Minute)
			tc.off(s, true)
			s.counts["ns/db"] = 2
			says := made{source: revision.Source{Kind: revision.Secret, Name: "db"}, uid: "uid-db", count: 2, offer: s.r.cluster.of("ns").makers[maker{objectKind, "db"}].offer}
			s.set("ns", maker{objectKind, "db"}, &says)
			s.pass(time.Hour)
			s.wantRestarts("switched off", web, 0)
			tc.off(s, false)
			s.pass(time.Minute)
			s.wantRestarts("switched on again", web, 1)
		})
	}
}

func TestARefusedPatchIsTriedAgain(t *testing.T) { // Reloader's issue 701
	s := simulate(t, workload.Options{}, deployment("ns", "web", asks(), "db"))
	s.secret("ns", "db", 1)
	s.pass(time.Minute)
	s.secret("ns", "db", 2)
	s.fail = func(Key) error {
		return apierrors.NewForbidden(schema.GroupResource{Group: "apps", Resource: "deployments"}, "web", errors.New("a quota of another policy"))
	}
	s.pass(time.Minute)
	if said := s.said(); strings.Count(said, "Warning RestartFailed") != 1 || !strings.Contains(said, "a quota of") {
		t.Errorf("got the events %q, want one warning", said)
	}
	s.fail = nil
	s.pass(time.Minute)
	s.wantRestarts("when it is permitted", web, 1)
}

func TestAConflictIsNoFailure(t *testing.T) {
	s := simulate(t, workload.Options{}, deployment("ns", "web", asks(), "db"))
	s.secret("ns", "db", 1)
	s.pass(time.Minute)
	d := s.get(web) // changes unseen
	d.Labels = map[string]string{"team": "a"}
	if err := s.api.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	s.secret("ns", "db", 2)
	s.pass(time.Minute)
	s.wantRestarts("while the cache is behind", web, 0)
	s.see(s.get(web))
	s.pass(time.Minute)
	s.wantRestarts("when it is not", web, 1)
	if said := s.said(); strings.Contains(said, "Failed") {
		t.Errorf("got the events %q, want no failure", said)
	}
}

func TestRolloutsAreRestartedByRestartAt(t *testing.T) { // Reloader's issue 591
	for _, tc := range []struct {
		name        string
		annotations map[string]string
		onTemplate  bool
	}{
		{"Secretgate's annotation", asks(), false},
		{"Reloader's", map[string]string{"reloader.stakater.com/auto": "true"}, true},
		{"Reloader's, with its strategy restart", map[string]string{"reloader.stakater.com/auto": "true", "reloader.stakater.com/rollout-strategy": "restart"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := deployment("ns", "web", tc.annotations, "db")
			one := &rollout.Rollout{ObjectMeta: d.ObjectMeta, Spec: rollout.Spec{Template: d.Spec.Template}, Status: rollout.Status{Phase: "Healthy"}}
			options := workload.Options{Reloader: true}
			s := simulate(t, options, one)
			key := Key{Kind: workload.Rollout, Namespace: "ns", Name: "web"}
			get := func() *rollout.Rollout {
				got := &rollout.Rollout{}
				if err := s.api.Get(t.Context(), clientKey(key), got); err != nil {
					t.Fatal(err)
				}
				return got
			}
			s.see(get())
			s.secret("ns", "db", 1)
			s.pass(time.Minute)
			s.see(get())
			s.secret("ns", "db", 2)
			s.pass(11 * time.Second)
			got := get()
			if at := got.Spec.RestartAt; (at == nil) != tc.onTemplate || at != nil && at.After(s.now) {
				t.Errorf("got restartAt %v at %s, want one in the past: %t", at, s.now, !tc.onTemplate)
			}
			if text := got.Spec.Template.Annotations[names.AnnotationRevisions]; (text != "") != tc.onTemplate {
				t.Errorf("got %q on the template, want something there: %t", text, tc.onTemplate)
			}
			if text := got.Annotations[names.AnnotationRevisions]; text != "db=uid-db.2" {
				t.Errorf("got the record %q, want db=uid-db.2", text)
			}
		})
	}
}

func TestWithReloadersAnnotationsConfigMapsRestart(t *testing.T) {
	d := deployment("ns", "web", map[string]string{"configmap.reloader.stakater.com/reload": "settings"})
	s := simulate(t, workload.Options{Reloader: true}, d)
	set := func(digest string) {
		s.set("ns", maker{"ConfigMap", "settings"}, &made{source: revision.Source{Kind: revision.ConfigMap, Name: "settings"}, digest: digest})
	}
	set("0011")
	s.pass(time.Minute)
	s.wantRestarts("at first", web, 0)
	set("0022")
	s.pass(time.Minute)
	s.wantRestarts("after a change", web, 1)
	if got := s.get(web).Annotations[names.AnnotationRevisions]; got != "configmap/settings=0022" {
		t.Errorf("got the record %q", got)
	}
}

func TestAnIdleWorkloadIsNotTouched(t *testing.T) {
	d := deployment("ns", "web", asks(), "db")
	none := int32(0)
	d.Spec.Replicas, d.Status = &none, appsv1.DeploymentStatus{}
	s := simulate(t, workload.Options{}, d)
	s.secret("ns", "db", 1)
	s.pass(time.Minute)
	s.secret("ns", "db", 2)
	s.pass(time.Minute)
	s.wantRestarts("without pods", web, 0)
	if got := s.get(web).Annotations[names.AnnotationRevisions]; got != "db=uid-db.2" {
		t.Errorf("got the record %q, want the revision that its next pods start with", got)
	}
}

func clientKey(key Key) client.ObjectKey {
	return client.ObjectKey{Namespace: key.Namespace, Name: key.Name}
}
