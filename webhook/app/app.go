// Package app is the webhook's command line.
package app

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/secretgate/secretgate/shared/build"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/webhook/internal/command"
	"github.com/secretgate/secretgate/webhook/internal/config"
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

// Run runs the command until it ends or ctx does, and returns the exit code.
func (p Program) Run(ctx context.Context) int {
	root := &cobra.Command{
		Use:   "webhook",
		Short: "Judge objects that read secrets before they are stored",
		Long: "Secretgate's admission webhook: converts deprecated fields of objects that read secrets, and judges the objects\n" +
			"by their namespace's policy before they are stored. Their dialects:\n" + command.Titles(p.Dialects),
		Version:       build.Version(p.Version),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          command.UnknownCommand("webhook --help lists the commands, webhook check FILE judges manifests"),
		RunE: func(*cobra.Command, []string) error {
			return errors.New("no command given: webhook serve starts the webhook, webhook --help lists the commands")
		},
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetArgs(p.Args)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	root.AddCommand(p.serve(), p.check().Command(), command.Version(p.Version))
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(command.UnknownFlag)

	return command.Run(ctx, root, "webhook", p.Stderr)
}

func (p Program) check() command.Check {
	return command.Check{
		Program: "webhook", Called: "webhook", Version: p.Version, Dialects: p.Dialects, Lookup: p.Lookup, Stdout: p.Stdout, Stderr: p.Stderr,
	}
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
				return command.Failed(err)
			}
			return nil
		},
	}
	command.Group(cmd, command.Groups(sections))
	return cmd
}

// config is the whole configuration of serve.
func (p Program) config() *config.Config {
	return &config.Config{Dialects: dialect.Choice{All: p.Dialects, Service: dialect.Webhook, Default: "kes"}}
}
