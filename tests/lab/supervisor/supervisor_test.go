package supervisor

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/tests/lab/progress"
)

// said has a Supervisor hear events, as a lab sends them.
func said(t *testing.T, s *Supervisor, events ...event) {
	t.Helper()
	var text strings.Builder
	out := &pipe{out: closer{&text}}
	for _, e := range events {
		out.send(e)
	}
	s.ended = make(chan struct{})
	s.listen(strings.NewReader(text.String()))
}

type closer struct{ *strings.Builder }

func (closer) Close() error { return nil }

func newSupervisor() *Supervisor {
	return &Supervisor{dir: "the folder", reached: map[stage]chan struct{}{labUp: make(chan struct{}), vaultUp: make(chan struct{})}}
}

func TestWhatIsSaidMeanwhileIsShownLater(t *testing.T) {
	var shown strings.Builder
	s := newSupervisor()
	said(t, s, event{Line: "vault built in 3m\n"}, event{Line: "starting Vault\n"}, event{Showing: "waiting"})
	if shown.Len() > 0 {
		t.Errorf("got %q before it is asked for", shown.String())
	}
	s.ShowTo(&progress.Screen{Out: &shown, Width: 80})
	said(t, s, event{Line: "up\n"})
	if diff := cmp.Diff("vault built in 3m\nstarting Vault\nwaiting\r\x1b[Kup\n", shown.String()); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
}

func TestAwait(t *testing.T) {
	cases := []struct {
		name       string
		events     []event
		lab, vault string // errors
	}{
		{"a lab that is up as a whole", []event{{Reached: labUp}, {Reached: vaultUp}}, "", ""},
		{"a lab whose Vault fails", []event{{Reached: labUp}, {Line: "vault cannot be built"}}, "", "the lab is not up"},
		{"a lab that fails", []event{{Line: "etcd cannot be built"}}, "the lab is not up", "the lab is not up"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newSupervisor()
			said(t, s, c.events...)
			for what, want := range map[string]string{"lab": c.lab, "Vault": c.vault} {
				err := s.AwaitLab(t.Context())
				if what == "Vault" {
					err = s.AwaitVault(t.Context())
				}
				if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("%s: got %v, want an error with %q", what, err, want)
				}
			}
		})
	}
}

func TestRunNeedsOptions(t *testing.T) {
	for name, in := range map[string]string{"nothing": "", "no JSON": "up\n"} {
		t.Run(name, func(t *testing.T) {
			if err := run(t.Context(), strings.NewReader(in), &pipe{out: closer{new(strings.Builder)}}); err == nil {
				t.Error("got no error")
			}
		})
	}
}
