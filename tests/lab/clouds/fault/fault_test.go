package fault

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var get = Call{Cloud: "aws", Service: "secretsmanager", Operation: "GetSecretValue", Identity: "arn:aws:iam::1:user/a",
	Keys: []string{"dev/db"}}

func TestAFaultStrikesOnlyItsScope(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault Fault
		want  bool
	}{
		{"no scope means every call", Fault{}, true},
		{"the service", Fault{Service: "secretsmanager"}, true},
		{"another service", Fault{Service: "sts"}, false},
		{"another cloud", Fault{Cloud: "azure"}, false},
		{"an operation by wildcard", Fault{Operation: "*GetSecretValue"}, true},
		{"another operation", Fault{Operation: "BatchGetSecretValue"}, false},
		{"an identity by wildcard", Fault{Identity: "arn:aws:iam::*:user/a"}, true},
		{"another identity", Fault{Identity: "arn:aws:iam::1:user/b"}, false},
		{"a key by prefix", Fault{Key: "dev/*"}, true},
		{"another key", Fault{Key: "prod/*"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.fault.Kind = Outage
			var s Set
			if _, err := s.Add(tc.fault); err != nil {
				t.Fatal(err)
			}
			if got := s.Strike(get).Failure != nil; got != tc.want {
				t.Errorf("struck = %v, want %v", got, tc.want)
			}
		})
	}
}

func TestWhichCallsAreStruck(t *testing.T) {
	for _, tc := range []struct {
		name   string
		faults []Fault
		want   string
	}{
		{"all of them without a count", []Fault{{Kind: Outage}}, "oooooo"},
		{"the first ones with a count", []Fault{{Kind: Throttle, Count: 2}}, "tt...."},
		{"every second one with a fraction of a half", []Fault{{Kind: Throttle, Fraction: 0.5}}, ".t.t.t"},
		{"every third one, twice", []Fault{{Kind: Throttle, Fraction: 1.0 / 3, Count: 2}}, "..t..t"},
		{"the older failure first, the younger when that is spent", []Fault{{Kind: Throttle, Count: 2}, {Kind: Cut, Count: 1}}, "ttc..."},
		{"a delay is not a failure", []Fault{{Kind: Latency, Latency: 1}}, "......"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var s Set
			for _, f := range tc.faults {
				if _, err := s.Add(f); err != nil {
					t.Fatal(err)
				}
			}
			got := ""
			for range tc.want {
				if f := s.Strike(get).Failure; f != nil {
					got += string(f.Kind[0])
				} else {
					got += "."
				}
			}
			if got != tc.want {
				t.Errorf("struck %q, want %q", got, tc.want)
			}
		})
	}
}

func TestDelaysAddUpAndKeepTheFailure(t *testing.T) {
	var s Set
	for _, f := range []Fault{
		{Kind: Latency, Latency: Duration(20 * time.Millisecond)},
		{Kind: Outage},
		{Kind: Latency, Latency: Duration(5 * time.Millisecond)},
	} {
		if _, err := s.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	got := s.Strike(get)
	if got.Delay != 25*time.Millisecond || got.Failure == nil || got.Failure.Kind != Outage {
		t.Errorf("got %+v, want 25ms and an outage", got)
	}
}

func TestAFaultThatMakesNoSenseIsRefused(t *testing.T) {
	for name, f := range map[string]Fault{
		"an unknown kind":            {Kind: "tide"},
		"a latency of nothing":       {Kind: Latency},
		"an error without a code":    {Kind: Error},
		"a fraction over one":        {Kind: Outage, Fraction: 1.1},
		"a negative count":           {Kind: Outage, Count: -1},
		"an error that is a success": {Kind: Error, Code: "X", Status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			var s Set
			if _, err := s.Add(f); err == nil {
				t.Error("it was accepted")
			}
		})
	}
}

func TestRemoveEndsOneFaultAndClearAll(t *testing.T) {
	var s Set
	first, err := s.Add(Fault{Kind: Throttle})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(Fault{Kind: Outage}); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(first); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Fault{{ID: "2", Kind: Outage}}, s.List()); diff != "" {
		t.Error(diff)
	}
	if err := s.Remove(first); err == nil {
		t.Error("a fault was removed twice")
	}
	s.Clear()
	if got := s.List(); len(got) != 0 {
		t.Errorf("after Clear: %v", got)
	}
}

func TestAFaultReadsAndWritesDurationsAsText(t *testing.T) {
	const text = `{"kind":"latency","latency":"20ms","retryAfter":"2s"}`
	var f Fault
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != text {
		t.Errorf("got %s, want %s", got, text)
	}
}
