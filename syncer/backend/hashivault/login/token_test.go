package login

import (
	"testing"
	"time"
)

func TestWhenATokenIsRenewed(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		config Config
		want   time.Duration
	}{
		"with a third of its time left":                           {Config{}, 40 * time.Minute},
		"three short intervals before its end":                    {Config{RefreshInterval: time.Minute}, 57 * time.Minute},
		"three long intervals are more than a third":              {Config{RefreshInterval: time.Hour}, 40 * time.Minute},
		"the threshold that is set wins":                          {Config{RenewThreshold: 5 * time.Minute, RefreshInterval: time.Hour}, 55 * time.Minute},
		"a threshold beyond the TTL does not renew at every read": {Config{RenewThreshold: 2 * time.Hour}, 30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			hour := &token{text: "t", full: time.Hour}
			if got := hour.session(begin, time.Hour, test.config).Renew.Sub(begin); got != test.want {
				t.Errorf("renewed after %s, want %s", got, test.want)
			}
		})
	}
	short := Config{RenewThreshold: 2 * time.Hour, RenewIncrement: 10 * time.Minute}
	if got := (&token{text: "t", full: time.Hour}).session(begin, 10*time.Minute, short).Renew.Sub(begin); got != 5*time.Minute {
		t.Errorf("a token that was renewed for ten minutes is renewed again after %s", got)
	}
	asked := Config{RenewIncrement: 10 * time.Minute}
	if got := (&token{text: "t", full: time.Hour}).session(begin, 10*time.Minute, asked).Renew.Sub(begin); got != 400*time.Second {
		t.Errorf("a token that was renewed for ten minutes is renewed again after %s, want with a third of them left", got)
	}
	if s := (&token{text: "t"}).session(begin, 0, Config{}); !s.Expires.IsZero() {
		t.Errorf("a token without a TTL ends at %s", s.Expires)
	}
}

func TestARenewalThatTheTokensMaximumCutsShortIsNone(t *testing.T) {
	hour := &token{text: "t", full: time.Hour}
	if !hour.isRenewal(time.Hour, Config{}) || hour.isRenewal(10*time.Minute, Config{}) {
		t.Error("a renewal is known by its TTL")
	}
	short := Config{RenewIncrement: 10 * time.Minute}
	if !hour.isRenewal(10*time.Minute, short) || hour.isRenewal(4*time.Minute, short) {
		t.Error("a renewal for the time that was asked for is one, and one for less than half of it is none")
	}
}
