package plan_test

import (
	"testing"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
)

func TestWhenWindowsAreOpen(t *testing.T) {
	night := plan.Window{Schedule: "0 22 * * *", Duration: 8 * time.Hour}
	noon := plan.Window{Schedule: "0 12 * * *", Duration: time.Hour}
	at := func(hour, minute int) time.Time { return time.Date(2026, 11, 30, hour, minute, 0, 0, time.UTC) }
	for name, test := range map[string]struct {
		windows *plan.Windows
		at      time.Time
		open    bool
		remains time.Duration
	}{
		"no windows":                           {nil, at(3, 0), true, 0},
		"a list without any":                   {&plan.Windows{Deny: true}, at(3, 0), true, 0},
		"within one that allows":               {&plan.Windows{All: []plan.Window{night}}, at(23, 0), true, 7 * time.Hour},
		"past midnight":                        {&plan.Windows{All: []plan.Window{night}}, at(5, 30), true, 30 * time.Minute},
		"at its end":                           {&plan.Windows{All: []plan.Window{night}}, at(6, 0), false, 16 * time.Hour},
		"at its beginning":                     {&plan.Windows{All: []plan.Window{night}}, at(22, 0), true, 8 * time.Hour},
		"without any that allows":              {&plan.Windows{All: []plan.Window{night, noon}}, at(7, 0), false, 5 * time.Hour},
		"within the other":                     {&plan.Windows{All: []plan.Window{night, noon}}, at(12, 15), true, 45 * time.Minute},
		"within one that denies":               {&plan.Windows{Deny: true, All: []plan.Window{night}}, at(23, 0), false, 7 * time.Hour},
		"without any that denies":              {&plan.Windows{Deny: true, All: []plan.Window{night}}, at(12, 0), true, 10 * time.Hour},
		"in another zone, by UTC":              {&plan.Windows{All: []plan.Window{noon}}, at(12, 30).In(time.FixedZone("x", 3600)), true, 30 * time.Minute},
		"a schedule that is none is never now": {&plan.Windows{All: []plan.Window{{Schedule: "x", Duration: time.Hour}}}, at(12, 0), false, 0},
	} {
		open, remains := test.windows.Open(test.at)
		if open != test.open || remains != test.remains {
			t.Errorf("%s: got %t for %s, want %t for %s", name, open, remains, test.open, test.remains)
		}
	}
}

func TestWindowsThatAreNone(t *testing.T) {
	for name, test := range map[string]struct {
		window plan.Window
		want   bool
	}{
		"five fields":         {plan.Window{Schedule: "0 22 * * 1-5", Duration: time.Hour}, true},
		"a word":              {plan.Window{Schedule: "@daily", Duration: time.Hour}, true},
		"no schedule":         {plan.Window{Duration: time.Hour}, false},
		"six fields":          {plan.Window{Schedule: "0 0 22 * * 1-5", Duration: time.Hour}, false},
		"another zone":        {plan.Window{Schedule: "CRON_TZ=Asia/Tokyo 0 22 * * *", Duration: time.Hour}, false},
		"one that lasts not":  {plan.Window{Schedule: "@daily"}, false},
		"one that never ends": {plan.Window{Schedule: "@daily", Duration: 9000 * time.Hour}, false},
	} {
		if got := test.window.Problem(); (got == "") != test.want {
			t.Errorf("%s: got the problem %q, want it to be a window: %t", name, got, test.want)
		}
	}
}
