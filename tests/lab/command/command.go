// Package command is how the programs of the tests are called: cobra commands that a signal ends, with an exit code that tells a
// failure of the work from a mistake in the call.
package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

const (
	exitFailure = 1
	exitUsage   = 2
)

// failure is an error of the work, not of how the command was called.
type failure struct{ error }

// New makes a command that takes no arguments, unless Args of it is changed. What work answers is a failure.
func New(use, short string, work func(ctx context.Context, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := work(cmd.Context(), args); err != nil {
				return failure{err}
			}
			return nil
		},
	}
}

// Main is the main function of a program. SIGINT and SIGTERM end the context of the work.
func Main(root *cobra.Command) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, root)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, root *cobra.Command) (code int) {
	root.SilenceUsage, root.SilenceErrors = true, true
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	_, _ = fmt.Fprintf(root.ErrOrStderr(), "%s: %v\n", root.Name(), err)
	if _, failed := errors.AsType[failure](err); failed {
		return exitFailure
	}
	return exitUsage
}
