package session

import (
	"testing"
	"time"
)

var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// lasting is a session of an hour that is renewed in the last five minutes.
func lasting() held[string] {
	return held[string]{Session: Until("s", begin, begin.Add(time.Hour), 5*time.Minute), since: begin}
}

func TestNextStep(t *testing.T) {
	postponed, refused := lasting(), lasting()
	postponed.postpone(begin.Add(56 * time.Minute)) // by a quarter of four minutes
	refused.refused = true
	for name, test := range map[string]struct {
		held  held[string]
		after time.Duration
		want  step
	}{
		"nothing must be obtained":                      {held[string]{}, 0, obtain},
		"a new session is used":                         {lasting(), 0, use},
		"it is until the last minutes":                  {lasting(), 55*time.Minute - 1, use},
		"then it is renewed":                            {lasting(), 55 * time.Minute, renew},
		"after its end there must be another":           {lasting(), time.Hour, obtain},
		"one without an end is used":                    {held[string]{Session: Session[string]{Value: "s"}, since: begin}, 10000 * time.Hour, use},
		"one that was refused is not":                   {refused, 0, obtain},
		"after a renewal that failed the session works": {postponed, 57*time.Minute - 1, use},
		"for a while, and then it is tried again":       {postponed, 57 * time.Minute, renew},
		"but not beyond its end":                        {postponed, time.Hour, obtain},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.held.next(begin.Add(test.after)); got != test.want {
				t.Errorf("got step %d, want %d", got, test.want)
			}
		})
	}
}

func TestUntil(t *testing.T) {
	for name, test := range map[string]struct{ lasts, before, want time.Duration }{
		"it is renewed before its end":                      {time.Hour, 5 * time.Minute, 55 * time.Minute},
		"a short one in the middle of its time":             {6 * time.Minute, 5 * time.Minute, 3 * time.Minute},
		"one that has ended at its end and no later":        {0, 5 * time.Minute, 0},
		"one that ended a while ago was due before its end": {-time.Hour, 5 * time.Minute, -30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Until("s", begin, begin.Add(test.lasts), test.before).Renew.Sub(begin); got != test.want {
				t.Errorf("renewed after %s, want %s", got, test.want)
			}
		})
	}
	if s := Until("s", begin, time.Time{}, time.Minute); !s.Expires.IsZero() || !s.Renew.IsZero() {
		t.Errorf("one without an end: %+v", s)
	}
}
