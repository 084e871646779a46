package pending_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/pending"
)

func TestSays(t *testing.T) {
	for _, tc := range []struct {
		name            string
		waits           []pending.Wait
		reason, message string
	}{
		{"none waits", nil, pending.ReasonNothing, "no workload waits for a restart"},
		{
			"two wait for the same", []pending.Wait{{"Paused", "it is paused: until it is resumed", []string{"Deployment web", "DaemonSet agent"}}}, "Paused",
			"pods still have the previous Secret. Paused: DaemonSet agent, Deployment web: it is paused: until it is resumed",
		},
		{
			"each waits for something else", []pending.Wait{{"Paused", "it is paused", []string{"Deployment web"}}, {"OnDelete", "by hand", []string{"StatefulSet db"}}},
			pending.ReasonSeveral, "pods still have the previous Secret. Paused: Deployment web: it is paused. OnDelete: StatefulSet db: by hand",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reason, message := pending.Says(tc.waits)
			if reason != tc.reason || message != tc.message {
				t.Errorf("got %s: %s, want %s: %s", reason, message, tc.reason, tc.message)
			}
		})
	}
}

// many are more workloads than a message names.
func many(kind string, n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("%s web-%s-%03d", kind, strings.Repeat("x", 200), i))
	}
	return all
}

func TestWhatIsSaidCanBeRead(t *testing.T) {
	paused := pending.Wait{Reason: "Paused", Meaning: "it is paused: until it is resumed", Workloads: []string{"Deployment web", "Rollout web"}}
	onDelete := pending.Wait{Reason: "OnDelete", Meaning: "by hand", Workloads: []string{"StatefulSet web"}}
	for _, tc := range []struct {
		name, workload string
		waits          []pending.Wait
		word, meaning  string
	}{
		{"it is the only one", "Deployment web", []pending.Wait{paused}, "Paused", paused.Meaning},
		{"it waits with others", "StatefulSet web", []pending.Wait{paused, onDelete}, "OnDelete", "by hand"},
		{"another kind of the same name waits", "DaemonSet web", []pending.Wait{paused, onDelete}, "", ""},
		{"it is not named, and all wait for the same", many("Deployment", 50)[49], []pending.Wait{{"Paused", "m", many("Deployment", 50)}}, "Paused", "m"},
		{"it is not named, and others wait for something else", many("Deployment", 50)[49], []pending.Wait{{"Paused", "m", many("Deployment", 50)}, onDelete}, "", ""},
		{"none waits", "Deployment web", nil, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reason, message := pending.Says(tc.waits)
			word, meaning := pending.For(tc.workload, reason, message)
			if word != tc.word || meaning != tc.meaning {
				t.Errorf("got %q, %q of %q, want %q, %q", word, meaning, message, tc.word, tc.meaning)
			}
		})
	}
}

func TestAMessageIsBounded(t *testing.T) {
	var waits []pending.Wait
	for _, reason := range []string{"A", "B", "C", "D"} {
		waits = append(waits, pending.Wait{Reason: reason, Meaning: "é", Workloads: many("StatefulSet", 100)})
	}
	_, message := pending.Says(waits)
	if len(message) > 4010 || !strings.HasSuffix(message, "…") || strings.ToValidUTF8(message, "") != message {
		t.Errorf("got %d bytes, want no more than the admission policy permits, and whole characters", len(message))
	}
	pending.For("Deployment web", pending.ReasonSeveral, message) // a cut message can be read
}
