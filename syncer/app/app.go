// Package app is the syncer's command line, and the flat list of all that it runs.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli/flag"

	"github.com/secretgate/secretgate/shared/build"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/syncer/internal/config"
	extensions "github.com/secretgate/secretgate/syncer/internal/dialect/all"
)

// The exit codes.
const (
	exitClean   = 0
	exitFailure = 1 // while running
	exitUsage   = 2 // bad usage or configuration
)

// Program is one run of the syncer's command line.
type Program struct {
	Version string
	Args    []string // without the program's name
	Lookup  func(variable string) (string, bool)
	Stdout  io.Writer
	Stderr  io.Writer
	// Dialects are the APIs that it knows.
	Dialects []dialect.Dialect
}

// defaultDialect is what is served where no setting says otherwise.
const defaultDialect = "kes"

// failure is an error of running, as opposed to one of usage.
type failure struct{ error }

// Run syncs until ctx ends, and returns the exit code.
func (p Program) Run(ctx context.Context) int {
	c := &config.Config{
		Dialects:   dialect.Choice{All: p.Dialects, Service: dialect.Syncer, Default: defaultDialect},
		Extensions: extensions.Extensions(),
	}
	sections := c.Bind(p.Lookup)
	cmd := &cobra.Command{
		Use:   "syncer",
		Short: "Keep Kubernetes Secrets in step with external secret managers",
		Long: "Secretgate's syncer: reads the values that objects of the --dialects ask for,\n" +
			"and keeps their Secrets as the backends have them.\n" +
			"syncer restart restarts the workloads that read them: see its --help.\n" +
			"Runs until SIGTERM or SIGINT. Flags win over environment variables.\n" +
			"Exit codes: 0 clean stop, 1 failure, 2 bad usage or configuration.",
		Version:       build.Version(p.Version),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.Finish(sections, p.Lookup); err != nil {
				return err
			}
			b, err := newBacking(c)
			if err != nil {
				return err
			}
			if err := run(cmd.Context(), c, b, p.Version); err != nil {
				return failure{err}
			}
			return nil
		},
	}
	cmd.SetVersionTemplate("{{.Version}}\n")
	cmd.SetOut(p.Stdout)
	cmd.SetErr(p.Stderr)
	cmd.CompletionOptions.DisableDefaultCmd = true
	group(cmd, sections)
	cmd.AddCommand(p.restartCommand())
	cmd.SetHelpCommand(&cobra.Command{Hidden: true})
	cmd.SetArgs(twoDashes(cmd, p.Args))

	err := cmd.ExecuteContext(ctx)
	var failed failure
	switch {
	case err == nil:
		return exitClean
	case errors.As(err, &failed):
		_, _ = fmt.Fprintf(p.Stderr, "syncer: %v\n", err)
		return exitFailure
	default:
		_, _ = fmt.Fprintf(p.Stderr, "syncer: %s\n", strings.ReplaceAll(err.Error(), "\n", "\nsyncer: "))
		return exitUsage
	}
}

// group adds the settings to the command, and has --help show them in their groups.
func group(cmd *cobra.Command, sections []*settings.Section) {
	var groups flag.NamedFlagSets
	for _, section := range sections {
		flags := groups.FlagSet(section.Title)
		flags.AddGoFlagSet(section.Flags)
		cmd.Flags().AddFlagSet(flags)
	}
	other := groups.FlagSet("other")
	other.BoolP("help", "h", false, "show this help")
	if cmd.Version != "" {
		other.Bool("version", false, "show the version")
	}
	cmd.Flags().AddFlagSet(other)
	flag.SetUsageAndHelpFunc(cmd, groups, 0)
}

// twoDashes lets flags have one dash, as those of secrets-manager have in its deployments.
func twoDashes(cmd *cobra.Command, args []string) []string {
	fixed := slices.Clone(args)
	for i, arg := range fixed {
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if strings.HasPrefix(arg, "-") && len(name) > 1 && cmd.Flags().Lookup(name) != nil {
			fixed[i] = "-" + arg
		}
	}
	return fixed
}
