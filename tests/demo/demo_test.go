package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStepsThatNeedVaultComeLast(t *testing.T) {
	late := false
	for _, s := range steps {
		if late && !s.vault {
			t.Errorf("%q needs no Vault, and comes after a step that waits for it", s.title)
		}
		late = s.vault
	}
	if !late {
		t.Error("no step needs Vault")
	}
}

func TestSaved(t *testing.T) {
	cases := []struct {
		name           string
		entries, calls int
		want           string // the last line
	}{
		{"most calls are saved", 60, 10, "    Secretgate                        10 calls, as AWS counted them: 96% saved"},
		{"a call of three hundred is not rounded away", 60, 1, "    Secretgate                         1 calls, as AWS counted them: 99% saved"},
		{"no call is saved", 2, 10, "    Secretgate                        10 calls, as AWS counted them: 0% saved"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			lines := strings.Split(strings.TrimSpace(saved(30, c.entries, c.calls)), "\n")
			if diff := cmp.Diff(c.want, lines[len(lines)-1]); diff != "" {
				t.Errorf("last line (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSuggestions(t *testing.T) {
	const why = "kubectl secretgate why"
	cases := []struct {
		name         string
		kept, plugin bool
		want, absent string
	}{
		{"without a lab, how to keep one", false, true, "DEMO_KEEP=1 make demo", why},
		{"with a lab, how to stop it", true, false, "make lab-down", why},
		{"with the plugin, what it says of an object", true, true, why, "DEMO_KEEP"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := strings.Join(suggestions(c.kept, c.plugin), "\n")
			if !strings.Contains(got, c.want) || strings.Contains(got, c.absent) {
				t.Errorf("got %q, want it with %q and without %q", got, c.want, c.absent)
			}
		})
	}
}
