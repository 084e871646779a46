// Package command is what both command lines of this module have in common: exit codes, how errors are shown, guesses at what was
// mistyped, settings in groups, and the command check.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/component-base/cli/flag"

	"github.com/secretgate/secretgate/shared/build"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/near"
	"github.com/secretgate/secretgate/shared/settings"
)

// The exit codes.
const (
	ExitClean   = 0
	ExitFailure = 1 // while running
	ExitUsage   = 2 // bad usage or configuration
)

// failure is an error of what was asked for, as opposed to how it was asked for.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// Failed makes an error one of what was asked for. All others are of how it was asked for.
func Failed(err error) error { return failure{err} }

// Run runs a command until it ends or ctx does, and returns the exit code. Complaints name the program.
func Run(ctx context.Context, root *cobra.Command, program string, stderr io.Writer) int {
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitClean
	}
	Complain(stderr, program, err)
	if _, failed := errors.AsType[failure](err); failed {
		return ExitFailure
	}
	return ExitUsage
}

// Complain shows each of the errors that are joined in a line of its own. What was said already needs no line.
func Complain(to io.Writer, program string, err error) {
	if text := err.Error(); text != "" {
		_, _ = fmt.Fprintf(to, "%s: %s\n", program, strings.ReplaceAll(text, "\n", "\n"+program+": "))
	}
}

// UnknownCommand guesses which command was meant, for what cobra takes for an argument is none. The hint is for a word that resembles none.
func UnknownCommand(hint string) cobra.PositionalArgs {
	return func(parent *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		var names []string
		for _, command := range parent.Commands() {
			names = append(names, command.Name())
		}
		if meant := near.Typo(args[0], names); meant != "" {
			return fmt.Errorf("unknown command %q: did you mean %s?", args[0], meant)
		}
		return fmt.Errorf("unknown command %q: %s", args[0], hint)
	}
}

// UnknownFlag guesses which flag was meant. Flags of a command that is mistyped are unknown, too, and what was mistyped is said instead.
func UnknownFlag(command *cobra.Command, err error) error {
	if words := command.Flags().Args(); command.HasSubCommands() && len(words) > 0 && command.Args != nil {
		return command.Args(command, words)
	}
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return err
	}
	var names []string
	command.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if meant := near.Typo(unknown.GetSpecifiedName(), names); meant != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, meant)
	}
	return err
}

// Groups are those in which --help shows settings.
func Groups(sections []*settings.Section) flag.NamedFlagSets {
	var groups flag.NamedFlagSets
	for _, section := range sections {
		groups.FlagSet(section.Title).AddGoFlagSet(section.Flags)
	}
	return groups
}

// Group adds flags to a command, and has --help show them in their groups.
func Group(cmd *cobra.Command, groups flag.NamedFlagSets) {
	for _, title := range groups.Order {
		cmd.Flags().AddFlagSet(groups.FlagSets[title])
	}
	groups.FlagSet("other").BoolP("help", "h", false, "show this help")
	cmd.Flags().AddFlag(groups.FlagSets["other"].Lookup("help"))
	flag.SetUsageAndHelpFunc(cmd, groups, 0)
}

// Titles lists dialects, as --dialects names them, a line each.
func Titles(dialects []dialect.Dialect) string {
	var lines []string
	for _, d := range dialects {
		lines = append(lines, fmt.Sprintf("  %s: %s", d.Name, d.Title))
	}
	return strings.Join(lines, "\n")
}

// Version is the command that shows the version.
func Version(version string) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), build.Version(version))
			return err
		},
	}
}
