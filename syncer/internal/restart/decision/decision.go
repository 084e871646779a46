// Package decision says what is to be done about one workload, from what is known of it, and when. It is pure: the same state and time
// give the same step, so that a restarter which was ended at any moment goes on where it was.
package decision

import (
	"time"

	"github.com/secretgate/secretgate/shared/revision"
)

// State is what is known of a workload.
type State struct {
	Recorded revision.List // with which its pods were started, as the workload remembers; empty: it was not seen before
	Current  revision.List // of what it follows now

	First, Last time.Time // when Current was first seen to differ from Recorded, and when it last changed since
	Refreshing  bool      // something that it follows is about to change, too, or fails

	Off      bool // restarts are switched off for the namespace
	Paused   bool // a rollout would not begin
	OnDelete bool // its pods are replaced by hand
	Idle     bool // it has no pods
	Rolling  bool // a rollout is under way
	// RollingSince is when that was first seen; zero: it is not, or has failed.
	RollingSince time.Time

	Restarted time.Time     // when it was last restarted; zero: never
	Interval  time.Duration // at least between two restarts, where the workload asks for more than Limits has
	Permitted time.Time     // when the budgets permit the next restart
}

// Limits are the installation's.
type Limits struct {
	Quiet          time.Duration // how long nothing may have changed
	MaxWait        time.Duration // how long changes are waited for at most, since the first
	MinInterval    time.Duration // between two restarts of one workload
	RolloutTimeout time.Duration // how long a rollout that does not end is waited for
}

// Action is what to do.
type Action int

// The actions.
const (
	Nothing Action = iota
	Record         // remember the revisions, and leave the pods alone
	Restart        // replace the pods, and remember the revisions
	Wait           // until Step.At, or until the workload changes
)

// Reason is why a restart waits, one word.
type Reason string

// The reasons.
const (
	ReasonSettling    Reason = "Settling"
	ReasonSwitchedOff Reason = "SwitchedOff"
	ReasonPaused      Reason = "Paused"
	ReasonOnDelete    Reason = "OnDelete"
	ReasonRolling     Reason = "RolloutUnderWay"
	ReasonTooSoon     Reason = "RestartedLately"
	ReasonBudget      Reason = "BudgetIsUsed"
	ReasonFailed      Reason = "RestartIsRefused"
)

// Reasons lists all of them.
func Reasons() []Reason {
	return []Reason{
		ReasonSettling, ReasonSwitchedOff, ReasonPaused, ReasonOnDelete, ReasonRolling, ReasonTooSoon, ReasonBudget, ReasonFailed,
	}
}

// Meaning says what is waited for, and how that ends.
func (r Reason) Meaning() string {
	switch r {
	case ReasonSettling:
		return "more changes may follow: it is restarted after the quiet period, or the longest wait"
	case ReasonSwitchedOff:
		return "the namespace's annotation secretgate.io/restart is false: it is restarted once that is taken away"
	case ReasonPaused:
		return "the workload is paused: it is restarted once it is resumed"
	case ReasonOnDelete:
		return "the update strategy of the workload is OnDelete: delete its pods when that suits, and they start with what is there then"
	case ReasonRolling:
		return "a rollout of the workload is under way: it is restarted once that has ended, has failed, or has taken too long"
	case ReasonTooSoon:
		return "the workload was restarted a short while ago: it is restarted again when the least interval has passed"
	case ReasonBudget:
		return "many workloads were restarted within the last minute: it is restarted in its turn"
	case ReasonFailed:
		return "the API server refused the restart: it is tried again, later each time"
	}
	return ""
}

// Step is the decision.
type Step struct {
	Action    Action
	Reason    Reason            // why it waits
	At        time.Time         // when to decide again; zero: when something changes
	Changed   []revision.Source // what restarts the workload
	Revisions revision.List     // to remember
}

// Decide is the next step. What a workload has not recorded yet is recorded, and restarts nothing: its pods have started with it, or
// wait for it. What is not there now keeps its record.
func Decide(s State, l Limits, now time.Time) Step {
	changed := s.Recorded.Changed(s.Current)
	step := Step{Changed: changed, Revisions: s.Recorded.With(s.Current)}
	switch {
	case len(changed) == 0 && s.Recorded.Lacks(s.Current), len(changed) > 0 && s.Idle:
		step.Action = Record
		return step
	case len(changed) == 0:
		return Step{}
	}
	step.Action = Wait
	for _, gate := range []gate{s.off, s.rolling, s.settling, s.interval, s.budget} {
		if reason, at := gate(l, now); reason != "" {
			step.Reason, step.At = reason, at
			return step
		}
	}
	step.Action = Restart
	return step
}

// gate returns why a restart waits, and until when; no reason: it does not.
type gate func(l Limits, now time.Time) (Reason, time.Time)

func (s State) off(Limits, time.Time) (Reason, time.Time) {
	switch {
	case s.Off:
		return ReasonSwitchedOff, time.Time{}
	case s.Paused:
		return ReasonPaused, time.Time{}
	case s.OnDelete:
		return ReasonOnDelete, time.Time{}
	}
	return "", time.Time{}
}

// A rollout that does not end may need the very change that waits: it is not waited for without end.
func (s State) rolling(l Limits, now time.Time) (Reason, time.Time) {
	if !s.Rolling {
		return "", time.Time{}
	}
	return until(ReasonRolling, s.RollingSince.Add(l.RolloutTimeout), now)
}

func (s State) settling(l Limits, now time.Time) (Reason, time.Time) {
	last := s.First.Add(l.MaxWait)
	if quiet := s.Last.Add(l.Quiet); !s.Refreshing && quiet.Before(last) {
		last = quiet
	}
	return until(ReasonSettling, last, now)
}

func (s State) interval(l Limits, now time.Time) (Reason, time.Time) {
	if s.Restarted.IsZero() {
		return "", time.Time{}
	}
	return until(ReasonTooSoon, s.Restarted.Add(max(l.MinInterval, s.Interval)), now)
}

func (s State) budget(_ Limits, now time.Time) (Reason, time.Time) {
	return until(ReasonBudget, s.Permitted, now)
}

func until(reason Reason, at, now time.Time) (Reason, time.Time) {
	if now.Before(at) {
		return reason, at
	}
	return "", time.Time{}
}
