package lab

import (
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestQuotedValueIsOneWordOfAShell(t *testing.T) {
	cases := []struct {
		name, value, want string
	}{
		{"an empty value is quoted", "", "''"},
		{"a plain word stays as it is", "http://127.0.0.1:8200", "http://127.0.0.1:8200"},
		{"a space is quoted", "a b", "'a b'"},
		{"a command is quoted", "$(id)`id`;id", "'$(id)`id`;id'"},
		{"a quote is closed, escaped and opened again", "it's", `'it'\''s'`},
		{"a tilde would be a home folder", "~/lab", "'~/lab'"},
		{"a line break is quoted", "a\nb", "'a\nb'"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, quote(c.value)); diff != "" {
				t.Errorf("quoted (-want +got):\n%s", diff)
			}
			script := assignments([]Variable{{"VALUE", c.value}}) + `printf %s "$VALUE"`
			read, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", script).Output()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.value, string(read)); diff != "" {
				t.Errorf("what a shell reads (-want +got):\n%s", diff)
			}
		})
	}
}
