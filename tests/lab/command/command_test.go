package command

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

func TestExitCodeTellsAFailureFromAMistakeInTheCall(t *testing.T) {
	type outcome struct {
		Code int
		Said string
	}
	cases := []struct {
		name string
		args []string
		want outcome
	}{
		{"work that succeeds says nothing", []string{"work"}, outcome{}},
		{"work that fails is a failure", []string{"fail"}, outcome{1, "program: it is broken\n"}},
		{"an argument too many is a mistake", []string{"work", "x"}, outcome{2, `program: unknown command "x" for "program work"` + "\n"}},
		{"an unknown flag is a mistake", []string{"work", "--x"}, outcome{2, "program: unknown flag: --x\n"}},
		{"settings that are refused before the work are a mistake", []string{"refuse"}, outcome{2, "program: not like this\n"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			work := func(context.Context, []string) error { return nil }
			refuse := New("refuse", "", work)
			refuse.PreRunE = func(*cobra.Command, []string) error { return errors.New("not like this") }
			root := &cobra.Command{Use: "program"}
			root.AddCommand(refuse, New("work", "", work),
				New("fail", "", func(context.Context, []string) error { return errors.New("it is broken") }))
			var said strings.Builder
			root.SetErr(&said)
			root.SetArgs(c.args)
			if diff := cmp.Diff(c.want, outcome{run(t.Context(), root), said.String()}); diff != "" {
				t.Errorf("exit code and message (-want +got):\n%s", diff)
			}
		})
	}
}
