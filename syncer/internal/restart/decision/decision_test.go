package decision_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/revision"
	"github.com/secretgate/secretgate/syncer/internal/restart/decision"
)

var (
	limits = decision.Limits{Quiet: 10 * time.Second, MaxWait: 2 * time.Minute, MinInterval: 5 * time.Minute, RolloutTimeout: 10 * time.Minute}
	db     = revision.Source{Kind: revision.Secret, Name: "db"}
	tls    = revision.Source{Kind: revision.Secret, Name: "tls"}
)

func at(seconds int) time.Time { return time.Unix(1_000_000+int64(seconds), 0) }

// changed is a workload whose Secret db changed at second 0.
func changed(with func(s *decision.State)) decision.State {
	s := decision.State{
		Recorded: revision.List{db: "a.1", tls: "b.1"}, Current: revision.List{db: "a.2", tls: "b.1"}, First: at(0), Last: at(0),
	}
	if with != nil {
		with(&s)
	}
	return s
}

func TestDecide(t *testing.T) {
	both := revision.List{db: "a.2", tls: "b.1"}
	restart := decision.Step{Action: decision.Restart, Changed: []revision.Source{db}, Revisions: both}
	wait := func(reason decision.Reason, until time.Time) decision.Step {
		return decision.Step{Action: decision.Wait, Reason: reason, At: until, Changed: []revision.Source{db}, Revisions: both}
	}
	for _, tc := range []struct {
		name  string
		state decision.State
		now   int
		want  decision.Step
	}{
		{"nothing that it follows has changed", decision.State{Recorded: both, Current: both}, 0, decision.Step{}},
		{"it follows nothing", decision.State{}, 0, decision.Step{}},
		{"it is seen for the first time", decision.State{Current: both}, 0, decision.Step{Action: decision.Record, Revisions: both}},
		{"the first Secret of a workload restarts nothing", decision.State{Recorded: revision.List{tls: "b.1"}, Current: both}, 0,
			decision.Step{Action: decision.Record, Revisions: both}},
		{"a Secret that is gone keeps its record", decision.State{Recorded: both, Current: revision.List{tls: "b.1"}}, 0, decision.Step{}},
		{"a Secret that comes back with another uid restarts", changed(func(s *decision.State) { s.Current[db] = "c.1" }), 10,
			decision.Step{Action: decision.Restart, Changed: []revision.Source{db}, Revisions: revision.List{db: "c.1", tls: "b.1"}}},
		{"the quiet period has not passed", changed(nil), 9, wait(decision.ReasonSettling, at(10))},
		{"the quiet period has passed", changed(nil), 10, restart},
		{"a later change begins it anew", changed(func(s *decision.State) { s.Last = at(8) }), 17, wait(decision.ReasonSettling, at(18))},
		{"changes that do not end are waited for until the most", changed(func(s *decision.State) { s.Last = at(119) }), 119, wait(decision.ReasonSettling, at(120))},
		{"and no longer", changed(func(s *decision.State) { s.Last = at(119) }), 120, restart},
		{"what is about to change, too, is waited for", changed(func(s *decision.State) { s.Refreshing = true }), 30, wait(decision.ReasonSettling, at(120))},
		{"what fails for long holds up nothing", changed(func(s *decision.State) { s.Refreshing = true }), 120, restart},
		{"several changes are one restart", changed(func(s *decision.State) { s.Current[tls] = "b.2" }), 10,
			decision.Step{Action: decision.Restart, Changed: []revision.Source{db, tls}, Revisions: revision.List{db: "a.2", tls: "b.2"}}},
		{"a rollout is under way", changed(func(s *decision.State) { s.Rolling, s.RollingSince = true, at(-60) }), 60, wait(decision.ReasonRolling, at(540))},
		{"a rollout that does not end is not waited for without end", changed(func(s *decision.State) { s.Rolling, s.RollingSince = true, at(-60) }), 540, restart},
		{"it was restarted lately", changed(func(s *decision.State) { s.Restarted = at(-30) }), 60, wait(decision.ReasonTooSoon, at(270))},
		{"it asks for a longer interval", changed(func(s *decision.State) { s.Restarted, s.Interval = at(-30), time.Hour }), 60, wait(decision.ReasonTooSoon, at(3570))},
		{"it was restarted long ago", changed(func(s *decision.State) { s.Restarted = at(-300) }), 60, restart},
		{"the budget is used", changed(func(s *decision.State) { s.Permitted = at(75) }), 60, wait(decision.ReasonBudget, at(75))},
		{"it is paused", changed(func(s *decision.State) { s.Paused = true }), 60, wait(decision.ReasonPaused, time.Time{})},
		{"its pods are replaced by hand", changed(func(s *decision.State) { s.OnDelete = true }), 60, wait(decision.ReasonOnDelete, time.Time{})},
		{"restarts are switched off", changed(func(s *decision.State) { s.Off = true }), 60, wait(decision.ReasonSwitchedOff, time.Time{})},
		{"it has no pods", changed(func(s *decision.State) { s.Idle = true }), 0,
			decision.Step{Action: decision.Record, Changed: []revision.Source{db}, Revisions: both}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, decision.Decide(tc.state, limits, at(tc.now))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestBudgetBoundsRestartsOfAMinute(t *testing.T) {
	b := decision.Budget{Namespace: 2, Cluster: 3}
	permits := func(namespace string, now int) int {
		until := b.Permits(namespace, at(now))
		if !until.After(at(now)) {
			return 0
		}
		return int(until.Sub(at(now)).Seconds())
	}
	count := func(namespace, workload string, when int) { b.Count(namespace, workload, at(when), at(when)) }
	check := func(what, namespace string, now, want int) {
		t.Helper()
		if got := permits(namespace, now); got != want {
			t.Errorf("%s: got a wait of %d s, want %d", what, got, want)
		}
	}
	check("nothing was restarted", "a", 0, 0)
	count("a", "web", 0)
	count("a", "web", 0)
	check("one restart that is seen twice counts once", "a", 1, 0)
	count("a", "worker", 10)
	check("the namespace's budget is used", "a", 20, 40)
	check("that of another is not", "b", 20, 0)
	count("b", "web", 30)
	check("the cluster's budget is used", "c", 40, 20)
	check("the first restart is a minute ago", "c", 60, 0)
	b.Count("a", "old", at(0), at(100))
	check("what was restarted before does not count", "a", 100, 0)
	b.Count("a", "never", time.Time{}, at(100))
	check("nor does what never was", "a", 100, 0)
}

// What workloads say of their restarts, their authors can write.
func TestWhatANamespaceClaimsCostsOthersNoMoreThanItsBudget(t *testing.T) {
	b := decision.Budget{Namespace: 2, Cluster: 3}
	for i := range 10 {
		b.Count("greedy", fmt.Sprintf("w%d", i), at(0), at(0))
		b.Count("greedy", fmt.Sprintf("later%d", i), at(1_000_000), at(0))
	}
	if got := b.Permits("b", at(1)); got.After(at(1)) {
		t.Errorf("got a wait of %s for another namespace, want none", got.Sub(at(1)))
	}
	if got := b.Permits("greedy", at(1)); !got.Equal(at(60)) {
		t.Errorf("got a wait until second %d for the one that claims them, want 60", got.Unix()-at(0).Unix())
	}
}

// Nothing that a process knows alone may bring a second restart: what was restarted just now has its record, and its time.
func TestARestartIsNotRepeated(t *testing.T) {
	s := changed(nil)
	step := decision.Decide(s, limits, at(10))
	s.Recorded, s.Restarted = step.Revisions, at(10)
	for now := 10; now < 1000; now += 10 {
		if again := decision.Decide(s, limits, at(now)); again.Action != decision.Nothing {
			t.Fatalf("second %d: got %+v, want nothing", now, again)
		}
	}
}

// A Secret that changes all the time restarts a workload once in the least interval (Reloader's issue 1183).
func TestAFlappingSecretIsBounded(t *testing.T) {
	s, restarts := decision.State{Recorded: revision.List{db: "a.0"}}, 0
	const hour = 3600
	for now := range hour {
		s.Current = revision.List{db: fmt.Sprintf("a.%d", now+1)}
		if s.Last = at(now); s.First.IsZero() {
			s.First = at(now)
		}
		if step := decision.Decide(s, limits, at(now)); step.Action == decision.Restart {
			s.Recorded, s.Restarted, s.First = step.Revisions, at(now), time.Time{}
			restarts++
		}
	}
	if restarts < 11 || restarts > 12 {
		t.Errorf("got %d restarts in an hour, want one each five minutes", restarts)
	}
}
