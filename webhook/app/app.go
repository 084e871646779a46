// Package app is the webhook's command line.
package app

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
	"github.com/secretgate/secretgate/webhook/internal/config"
)

// The exit codes.
const (
	exitClean   = 0
	exitFailure = 1 // while running
	exitUsage   = 2 // bad usage or configuration
)

// Program is one run of the webhook's command line.
type Program struct {
	Version  string
	Dialects []dialect.Dialect // to choose from
	Args     []string          // without the program's name
	Lookup   func(variable string) (string, bool)
	Stdout   io.Writer
	Stderr   io.Writer
}

// failure is an error of what was asked for, as opposed to how it was asked for.
type failure struct{ error }

// Run runs the command until it ends or ctx does, and returns the exit code.
func (p Program) Run(ctx context.Context) int {
	root := &cobra.Command{
		Use:   "webhook",
		Short: "Judge objects that read secrets before they are stored",
		Long: "Secretgate's admission webhook: converts deprecated fields of objects that read secrets, and judges the objects\n" +
			"by their namespace's policy before they are stored. Their dialects:\n" + p.dialects(),
		Version:       build.Version(p.Version),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("no command given: webhook serve starts the webhook, webhook --help lists the commands")
		},
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetArgs(p.Args)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	root.AddCommand(p.serve(), p.check(), p.version())
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(unknownFlag)

	err := root.ExecuteContext(ctx)
	var failed failure
	switch {
	case err == nil:
		return exitClean
	case errors.As(err, &failed):
		p.complain(err)
		return exitFailure
	default:
		p.complain(err)
		return exitUsage
	}
}

// unknownCommand guesses which command was meant, for what cobra takes for an argument is none.
func unknownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, command := range root.Commands() {
		names = append(names, command.Name())
	}
	hint := "webhook --help lists the commands, webhook check FILE judges manifests"
	if meant := near.Typo(args[0], names); meant != "" {
		hint = "did you mean " + meant + "?"
	}
	return fmt.Errorf("unknown command %q: %s", args[0], hint)
}

// unknownFlag guesses which flag was meant.
func unknownFlag(command *cobra.Command, err error) error {
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

// complain shows each of the errors that are joined in a line of its own.
func (p Program) complain(err error) {
	_, _ = fmt.Fprintf(p.Stderr, "webhook: %s\n", strings.ReplaceAll(err.Error(), "\n", "\nwebhook: "))
}

func (p Program) serve() *cobra.Command {
	c := p.config()
	sections := c.Bind(p.Lookup)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve admission requests",
		Long: "Serve admission requests until SIGTERM or SIGINT. Flags win over environment variables.\n" +
			"Exit codes: 0 clean stop, 1 failure, 2 bad usage or configuration.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.Finish(sections); err != nil {
				return err
			}
			if err := serve(cmd.Context(), c, p.Version); err != nil {
				return failure{err}
			}
			return nil
		},
	}
	group(cmd, sections)
	return cmd
}

// config is the whole configuration of serve.
func (p Program) config() *config.Config {
	return &config.Config{Dialects: dialect.Choice{All: p.Dialects, Service: dialect.Webhook, Default: "kes"}}
}

// dialects lists them, as --dialects names them, a line each.
func (p Program) dialects() string {
	var lines []string
	for _, d := range p.Dialects {
		lines = append(lines, fmt.Sprintf("  %s: %s", d.Name, d.Title))
	}
	return strings.Join(lines, "\n")
}

// group adds the settings to a command, and has --help show them in their groups.
func group(cmd *cobra.Command, sections []*settings.Section) {
	var groups flag.NamedFlagSets
	for _, section := range sections {
		flags := groups.FlagSet(section.Title)
		flags.AddGoFlagSet(section.Flags)
		cmd.Flags().AddFlagSet(flags)
	}
	groups.FlagSet("other").BoolP("help", "h", false, "show this help")
	cmd.Flags().AddFlag(groups.FlagSets["other"].Lookup("help"))
	flag.SetUsageAndHelpFunc(cmd, groups, 0)
}

func (p Program) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), build.Version(p.Version))
			return err
		},
	}
}
