package plan

import (
	"errors"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Windows are times at which an object is refreshed, or is not. They do not matter for an object that is new, edited or forced.
type Windows struct {
	Deny bool // it is not refreshed within them; else it is not without
	All  []Window
}

// Window begins as a schedule says.
type Window struct {
	Schedule Schedule
	Duration time.Duration
}

// Schedule is one of cron, in UTC. It is comparable.
type Schedule string

var errSchedule = errors.New("must be a schedule of cron with five fields, as in 0 22 * * 1-5, or one such as @daily, in UTC")

// parsed is the schedule, or why it is none.
func (s Schedule) parsed() (cron.Schedule, error) {
	if strings.Contains(string(s), "TZ=") {
		return nil, errSchedule
	}
	parsed, err := cron.ParseStandard(string(s))
	if err != nil {
		return nil, errSchedule // not what err says: it repeats the text
	}
	return parsed, nil
}

// Problem says why a window is none; empty: it is one.
func (w Window) Problem() string {
	_, err := w.Schedule.parsed()
	switch {
	case err != nil:
		return err.Error()
	case w.Duration <= 0 || w.Duration > longestWindow:
		return "must last more than 0s, and no more than " + longestWindow.String()
	}
	return ""
}

// longestWindow is a year.
const longestWindow = 366 * 24 * time.Hour

// Open reports whether an object may be refreshed at a time, and how long that stays so. Without windows it always may: 0.
func (w *Windows) Open(now time.Time) (open bool, remains time.Duration) {
	if w == nil || len(w.All) == 0 {
		return true, 0
	}
	now = now.UTC()
	inside, change := false, time.Time{}
	for _, one := range w.All {
		schedule, err := one.Schedule.parsed()
		if err != nil {
			continue // it was refused
		}
		at := schedule.Next(now.Add(-one.Duration)) // the first that may last
		if !at.IsZero() && !at.After(now) {
			inside, at = true, at.Add(one.Duration)
		}
		if !at.IsZero() && (change.IsZero() || at.Before(change)) {
			change = at
		}
	}
	if !change.IsZero() {
		remains = max(change.Sub(now), time.Second)
	}
	return inside != w.Deny, remains
}
