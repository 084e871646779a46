package transport

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestPostpone(t *testing.T) {
	tests := map[string]struct {
		text string
		want time.Duration
	}{
		"seconds":                           {"7", 7 * time.Second},
		"a date to come":                    {"Sat, 01 Jan 2000 00:00:09 GMT", 9 * time.Second},
		"a date that has passed":            {"Fri, 31 Dec 1999 23:59:59 GMT", 0},
		"a year":                            {"31536000", time.Hour},
		"a number that no duration holds":   {"99999999999999999999", time.Hour},
		"a date in thousands of years":      {"Sat, 01 Jan 9999 00:00:00 GMT", time.Hour},
		"no time to wait":                   {"0", 0},
		"less than none":                    {"-5", 0},
		"neither a number nor a date":       {"soon", 0},
		"nothing, as in nearly all answers": {"", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // in the year 2000
				failed := errors.New("failed")
				err := Postpone(failed, http.Header{"Retry-After": {test.text}})
				var got time.Duration
				if p, ok := errors.AsType[interface {
					error
					RetryAfter() time.Duration
				}](err); ok {
					got = p.RetryAfter()
				}
				if got != test.want || !errors.Is(err, failed) {
					t.Errorf("%v says %s, want %s", err, got, test.want)
				}
			})
		})
	}
	if Postpone(nil, http.Header{"Retry-After": {"7"}}) != nil {
		t.Error("an error is made of none")
	}
}
