package restart

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/secretgate/secretgate/shared/pending"
	"github.com/secretgate/secretgate/syncer/internal/restart/decision"
	"github.com/secretgate/secretgate/syncer/internal/restart/workload"
)

var ofDB = Key{Kind: objectKind, Namespace: "ns", Name: "db"}

// apply is what the API server does with a condition that is applied: it is merged, and the watch sees it.
func (s *simulation) apply(_ context.Context, _ client.Client, _ string, object runtime.ApplyConfiguration, _ ...client.SubResourceApplyOption) error {
	raw, err := json.Marshal(object)
	if err != nil {
		return err
	}
	var applied struct {
		Kind     string
		Metadata struct{ Namespace, Name string }
		Status   struct{ Conditions []metav1.Condition }
	}
	if err := json.Unmarshal(raw, &applied); err != nil {
		return err
	}
	key := Key{Kind: objectKind, Namespace: applied.Metadata.Namespace, Name: applied.Metadata.Name}
	s.reports++
	s.conditions[key] = &applied.Status.Conditions[0]
	s.secret(key.Namespace, key.Name, s.counts[key.Namespace+"/"+key.Name])
	if _, woken := s.due[key]; woken {
		s.t.Errorf("the report on %s wakes the process that wrote it", key.Name)
	}
	return nil
}

// wantCondition compares the condition of an object, empty where it is to have none, and how often one was written at all.
func (s *simulation) wantCondition(what string, key Key, want string, reports int) {
	s.t.Helper()
	got := ""
	if c := s.conditions[key]; c != nil {
		got = fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
	}
	if diff := cmp.Diff(want, got); diff != "" || s.reports != reports {
		s.t.Errorf("%s: got %d reports, want %d; the condition of %s (-want +got):\n%s", what, s.reports, reports, key.Name, diff)
	}
}

const (
	waitsForPause = "True Paused: pods still have the previous Secret. Paused: Deployment web: " +
		"the workload is paused: it is restarted once it is resumed"
	nothingWaits = "False NothingWaits: no workload waits for a restart"
)

// paused simulates a paused Deployment whose Secret has changed.
func paused(t *testing.T) *simulation {
	t.Helper()
	d := deployment("ns", "web", asks(), "db", "tls")
	d.Spec.Paused = true
	s := simulate(t, workload.Options{}, d)
	s.secret("ns", "db", 1)
	s.secret("ns", "tls", 1)
	s.pass(time.Minute)
	s.wantCondition("at rest", ofDB, "", 0)
	s.secret("ns", "db", 2)
	s.pass(time.Hour)
	s.wantCondition("while it is paused", ofDB, waitsForPause, 1)
	return s
}

// resume ends the pause.
func (s *simulation) resume() {
	s.t.Helper()
	d := s.get(web)
	d.Spec.Paused = false
	if err := s.api.Update(s.t.Context(), d); err != nil {
		s.t.Fatal(err)
	}
	s.see(s.get(web))
}

func TestAnObjectReportsWhatWaits(t *testing.T) {
	s := paused(t)
	since := s.conditions[ofDB].LastTransitionTime
	s.wantCondition("the Secret that did not change", Key{Kind: objectKind, Namespace: "ns", Name: "tls"}, "", 1)
	s.secret("ns", "db", 3)
	s.pass(time.Minute)
	s.wantCondition("after another change", ofDB, waitsForPause, 1)
	s.start(workload.Options{})
	s.pass(time.Minute)
	s.wantCondition("after another start", ofDB, waitsForPause, 1)
	s.resume()
	s.pass(time.Minute)
	s.wantRestarts("when it is resumed", web, 1)
	s.wantCondition("when it is resumed", ofDB, nothingWaits, 2)
	if at := s.conditions[ofDB].LastTransitionTime; !at.After(since.Time) {
		t.Errorf("got the last transition at %s, want one after %s", at, since)
	}
	s.start(workload.Options{})
	s.pass(time.Hour)
	s.wantCondition("after a start with nothing that waits", ofDB, nothingWaits, 2)
}

// An ordinary rotation is reported by its restart alone: two writes more for each would double what it costs.
func TestARestartThatNothingHoldsUpIsNoCondition(t *testing.T) {
	s := simulate(t, workload.Options{}, deployment("ns", "web", asks(), "db"))
	for count := range int64(3) {
		s.secret("ns", "db", count+1)
		s.pass(10 * time.Minute)
	}
	s.wantRestarts("after two changes", web, 2)
	s.wantCondition("after two changes", ofDB, "", 0)
}

func TestAReportThatIsNotTrueAnyMoreIsCorrected(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(s *simulation)
		want string
	}{
		{"the syncer has written conditions that it had read before", func(s *simulation) {
			delete(s.conditions, ofDB)
			s.secret("ns", "db", 2)
		}, waitsForPause},
		{"another client has changed it", func(s *simulation) {
			s.conditions[ofDB] = &metav1.Condition{Status: metav1.ConditionFalse, Reason: "Mine"}
			s.secret("ns", "db", 2)
		}, waitsForPause},
		{"the workload is gone", func(s *simulation) {
			d := s.get(web)
			if err := s.api.Delete(s.t.Context(), d); err != nil {
				s.t.Fatal(err)
			}
			s.look(s.r.seeWorkload(d, true))
		}, nothingWaits},
		{"the workload was resumed while no process ran", func(s *simulation) {
			d := s.get(web)
			d.Spec.Paused = false
			if err := s.api.Update(s.t.Context(), d); err != nil {
				s.t.Fatal(err)
			}
			s.start(workload.Options{})
		}, nothingWaits},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := paused(t)
			tc.do(s)
			s.pass(time.Minute)
			s.wantCondition(tc.name, ofDB, tc.want, 2)
		})
	}
}

// A start must not take a condition away and set it again, when it sees an object before its workloads.
func TestWhatIsNotKnownYetIsNotReported(t *testing.T) {
	s := paused(t)
	s.start(workload.Options{})
	delete(s.due, web) // it is seen, and comes to its turn late
	s.pass(time.Minute)
	s.wantCondition("before it was decided about the workload", ofDB, waitsForPause, 1)
	s.due[web] = s.now
	s.pass(time.Minute)
	s.wantCondition("after that", ofDB, waitsForPause, 1)
}

// Further changes begin the quiet period anew. Neither they nor a start end what is reported already.
func TestAReportHoldsUntilTheRestart(t *testing.T) {
	s := simulate(t, workload.Options{}, deployment("ns", "web", asks(), "db"))
	for count := range int64(3) { // of which the second restarts it
		s.secret("ns", "db", count+1)
		s.pass(time.Minute)
	}
	says := func(reason decision.Reason) string {
		return "True " + string(reason) + ": pods still have the previous Secret. " + string(reason) + ": Deployment web: " + reason.Meaning()
	}
	s.wantCondition("a minute after a restart", ofDB, says(decision.ReasonTooSoon), 1)
	since := s.conditions[ofDB].LastTransitionTime
	s.start(workload.Options{})
	s.pass(time.Minute)
	s.wantCondition("after another start", ofDB, says(decision.ReasonTooSoon), 1)
	s.secret("ns", "db", 4)
	s.pass(8 * time.Second)
	s.wantCondition("in the quiet period of a further change", ofDB, says(decision.ReasonSettling), 2)
	s.pass(10 * time.Second)
	s.wantCondition("after it", ofDB, says(decision.ReasonTooSoon), 3)
	if at := s.conditions[ofDB].LastTransitionTime; !at.Equal(&since) {
		t.Errorf("got the last transition at %s, want %s: it is pending since then", at, since)
	}
	s.pass(5 * time.Minute)
	s.wantRestarts("in the end", web, 2)
	s.wantCondition("in the end", ofDB, nothingWaits, 4)
}

// TestManyWorkloadsThatWaitAreFewReports: hundreds of workloads of one Secret are restarted one by one.
func TestManyWorkloadsThatWaitAreFewReports(t *testing.T) {
	const workloads = 120
	var objects []client.Object
	for i := range workloads {
		objects = append(objects, deployment("ns", fmt.Sprintf("web-%03d", i), asks(), "db"))
	}
	s := simulate(t, workload.Options{}, objects...)
	s.secret("ns", "db", 1)
	s.pass(time.Minute)
	s.secret("ns", "db", 2)
	s.pass(30 * time.Second)
	if c := s.conditions[ofDB]; c == nil || c.Reason != string(decision.ReasonBudget) || !strings.Contains(c.Message, "Deployment web-019, 100 more: ") {
		t.Errorf("got %+v, want a condition that names ten of the workloads", c)
	}
	s.pass(20 * time.Minute)
	if len(s.restarts) != workloads {
		t.Errorf("got %d workloads restarted, want %d", len(s.restarts), workloads)
	}
	if s.reports > 2*workloads/10+2 {
		t.Errorf("got %d reports, want two for each ten workloads that the budget permits a minute", s.reports)
	}
	if c := s.conditions[ofDB]; c == nil || c.Status != metav1.ConditionFalse {
		t.Errorf("got %+v in the end, want a condition that does not hold", c)
	}
}

func TestWhatEachReasonSaysCanBeRead(t *testing.T) {
	all := waiting{by: map[decision.Reason][]Key{}}
	for _, reason := range decision.Reasons() {
		all.by[reason] = []Key{{Kind: workload.Deployment, Name: "web-" + strings.ToLower(string(reason))}}
	}
	reason, message := all.says()
	for _, want := range decision.Reasons() {
		word, meaning := pending.For("Deployment web-"+strings.ToLower(string(want)), reason, message)
		if word != string(want) || meaning != want.Meaning() {
			t.Errorf("got %q, %q, want %q, %q", word, meaning, want, want.Meaning())
		}
	}
}
