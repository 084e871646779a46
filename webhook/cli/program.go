// Package cli is the command line for users: kubectl-secretgate, a plugin of kubectl, which is also called secretgate. It reads clusters
// with the user's own rights, or files, and never shows a value of a secret.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/webhook/internal/command"
)

// Program is one run of the command line.
type Program struct {
	Path     string // by which it was called: os.Args[0]
	Version  string
	Dialects []dialect.Dialect // whose objects it knows
	Args     []string          // without the program's name
	Lookup   func(variable string) (string, bool)
	Stdin    io.Reader
	Stdout   io.Writer
	Stderr   io.Writer
	Now      func() time.Time // nil: time.Now
}

// The program's names: the plugin's, whose file kubectl looks for, and its own.
const (
	own    = "secretgate"
	plugin = "kubectl-secretgate"
)

// Name is how users call a program that has been called by a path.
func Name(path string) string {
	base := strings.TrimSuffix(strings.ToLower(filepath.Base(path)), ".exe")
	if base == plugin {
		return "kubectl " + own
	}
	return own
}

// Run runs the command until it ends or ctx does, and returns the exit code.
func (p Program) Run(ctx context.Context) int {
	if p.Now == nil {
		p.Now = time.Now
	}
	root := p.root()
	root.SetArgs(append([]string{}, p.Args...)) // none are none: of nil, cobra makes those of the process
	return command.Run(ctx, root, own, p.Stderr)
}

func (p Program) root() *cobra.Command {
	name := Name(p.Path)
	root := &cobra.Command{
		Use:   own,
		Short: "Ask what Secretgate permits, why, and how it is",
		Long: "Ask what objects that read secrets may do and why, refresh them, and judge manifests before they are applied.\n" +
			"It reads a cluster with your own rights, or files, and never shows a value of a secret. The dialects of the objects:\n" +
			command.Titles(p.Dialects),
		Example: p.examples(
			"why core/db               # what it reads, as whom, which patterns permit that, and how it is",
			"who-can /dev/core/db      # which namespaces permit that key, and which objects read it",
			"refresh db -n core        # read the values again now, and wait until it is done",
			"tree db -n core           # from the object to the pods that use its Secret",
			"status                    # of the installation",
			"check manifests/          # as admission would, without a cluster"),
		Version:       p.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          command.UnknownCommand(name + " --help lists the commands"),
		RunE: func(*cobra.Command, []string) error {
			return errors.New("no command given: " + name + " --help lists the commands")
		},
	}
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	if name != own {
		root.Use = plugin
		root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: name}
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(command.UnknownFlag)
	checked := command.Check{
		Program: own, Called: name, Version: p.Version, Dialects: p.Dialects, Lookup: p.Lookup, Stdout: p.Stdout, Stderr: p.Stderr,
	}
	root.AddCommand(p.why(), p.whoCan(), p.refresh(), p.tree(), p.status(), checked.Command(), command.Version(p.Version))
	root.InitDefaultCompletionCmd(p.Args...)
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Long = completionHelp(name)
			c.RunE = func(*cobra.Command, []string) error {
				return errors.New("no shell given: " + name + " completion --help lists them")
			}
			c.Args = command.UnknownCommand("it is for bash, zsh, fish, powershell, or for kubectl itself")
			c.AddCommand(shim())
		}
	}
	return root
}

// one refuses anything but one argument.
func one(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return fmt.Errorf("%d arguments are given: name %s, as in %s", len(args), what, cmd.UseLine())
	}
}

// examples are lines of a command's help.
func (p Program) examples(lines ...string) string {
	for i, line := range lines {
		lines[i] = "  " + Name(p.Path) + " " + line
	}
	return strings.Join(lines, "\n")
}
