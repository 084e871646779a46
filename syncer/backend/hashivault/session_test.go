package hashivault

import (
	"testing"
	"time"
)

func TestNextStep(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	hour := started(begin, "t", time.Hour, true)
	fixed := started(begin, "t", time.Hour, false)
	spared := hour
	spared.spare = begin.Add(55 * time.Minute)
	tests := map[string]struct {
		session session
		config  Config
		after   time.Duration
		want    step
	}{
		"without a token there is a login":                     {session{}, Config{}, 0, login},
		"a token that never ends is used":                      {started(begin, "t", 0, false), Config{}, 10000 * time.Hour, use},
		"a new token is used":                                  {hour, Config{}, 0, use},
		"with a third of its time left it is used":             {hour, Config{}, 40 * time.Minute, use},
		"with less left it is renewed":                         {hour, Config{}, 40*time.Minute + 1, renew},
		"one that cannot be renewed makes way for a new login": {fixed, Config{}, 40*time.Minute + 1, login},
		"one that has ended does, too":                         {hour, Config{}, time.Hour, login},
		"three short intervals are less than a third":          {hour, Config{RefreshInterval: time.Minute}, 57 * time.Minute, use},
		"and are waited for":                                   {hour, Config{RefreshInterval: time.Minute}, 57*time.Minute + 1, renew},
		"three long intervals are more than a third":           {hour, Config{RefreshInterval: time.Hour}, 40 * time.Minute, use},
		"the threshold that is set wins": {
			hour, Config{RenewThreshold: 5 * time.Minute, RefreshInterval: time.Hour}, 55 * time.Minute, use,
		},
		"a threshold beyond what renewals ask for does not renew at every read": {
			hour, Config{RenewThreshold: 2 * time.Hour, RenewIncrement: 10 * time.Minute}, 55 * time.Minute, use,
		},
		"and is waited for": {hour, Config{RenewThreshold: 5 * time.Minute}, 55*time.Minute + 1, renew},
		"a threshold beyond the TTL does not renew at every read":   {hour, Config{RenewThreshold: 2 * time.Hour}, 30 * time.Minute, use},
		"but from half of it on":                                    {hour, Config{RenewThreshold: 2 * time.Hour}, 30*time.Minute + 1, renew},
		"after a renewal that failed the token is used for a while": {spared, Config{}, 54 * time.Minute, use},
		"and then it is tried again":                                {spared, Config{}, 55 * time.Minute, renew},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.session.next(begin.Add(test.after), test.config); got != test.want {
				t.Errorf("got step %d, want %d", got, test.want)
			}
		})
	}
}

func TestRenewedSession(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	later := begin.Add(50 * time.Minute)
	s := started(begin, "t", time.Hour, true)
	if s, ok := s.renewed(later, time.Hour, Config{}); !ok || !s.expires.Equal(later.Add(time.Hour)) || s.full != time.Hour {
		t.Errorf("a renewal for the full time gives %v, %t", s.expires, ok)
	}
	if _, ok := s.renewed(later, 10*time.Minute, Config{}); ok {
		t.Error("a renewal that the token's maximum cuts short is taken for one")
	}
	short := Config{RenewIncrement: 10 * time.Minute}
	if s, ok := s.renewed(later, 10*time.Minute, short); !ok || s.next(later.Add(5*time.Minute), Config{
		RenewIncrement: 10 * time.Minute, RenewThreshold: 5 * time.Minute,
	}) != use {
		t.Error("a renewal for the time that was asked for is not taken for one, or renewed at once")
	}
	if _, ok := s.renewed(later, 4*time.Minute, short); ok {
		t.Error("a renewal that gives less than half of what was asked for is taken for one")
	}
}
