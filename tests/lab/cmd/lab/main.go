// Command lab brings the lab up in the background and stops it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/secretgate/secretgate/tests/lab"
)

const (
	exitFailure = 1
	exitUsage   = 2
)

// failure is an error of the work, not of how the command was called.
type failure struct{ error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := root().ExecuteContext(ctx)
	stop()
	if err == nil {
		return
	}
	_, _ = fmt.Fprintln(os.Stderr, "lab:", err)
	if errors.As(err, new(failure)) {
		os.Exit(exitFailure)
	}
	os.Exit(exitUsage)
}

func root() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "A lab on this machine: Kubernetes' API, Vault, emulated clouds, and Secretgate's two services",
		Long: `A lab on this machine: Kubernetes' API, Vault, emulated clouds, and Secretgate's two services.

LAB_SERVICES=0 in the environment leaves the two services out.
Exit codes: 0 done, 1 failure (of status: the lab is not up), 2 bad usage.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			return s.complete(os.Getenv("LAB_SERVICES"))
		},
	}
	cmd.PersistentFlags().StringVar(&s.Dir, "dir", "", "folder of the lab's state (default .lab in the checkout)")
	cmd.PersistentFlags().StringVar(&s.Cache, "cache", "", "folder of the built servers (default .cache/lab in the checkout)")
	cmd.PersistentFlags().StringArrayVar(&s.APIServerArgs, "apiserver-arg", nil, "a further flag of kube-apiserver; may be repeated")
	cmd.PersistentFlags().StringArrayVar(&s.Syncer.Args, "syncer-arg", nil, "a further flag of the syncer; may be repeated")
	cmd.PersistentFlags().StringArrayVar(&s.Webhook.Args, "webhook-arg", nil, "a further flag of the webhook; may be repeated")
	cmd.AddCommand(
		command("up", "Bring the lab up in the background; .lab/env then says how to use it", s.up),
		command("down", "Stop the lab", s.down),
		command("status", "Say whether the lab is up", s.status),
		command("build", "Build the servers that the cache lacks, and start nothing", s.build),
		hidden(command("supervise", "Run the lab until a signal comes (up starts this)", s.supervise)),
	)
	return cmd
}

func command(name, short string, run func(context.Context) error) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := run(cmd.Context()); err != nil {
				return failure{err}
			}
			return nil
		},
	}
}

func hidden(cmd *cobra.Command) *cobra.Command {
	cmd.Hidden = true
	return cmd
}

// settings are the lab's options as flags and environment give them.
type settings struct{ lab.Options }

func (s *settings) complete(services string) error {
	switch services {
	case "0":
		s.Services = false
	case "", "1":
		s.Services = true
	default:
		return fmt.Errorf("LAB_SERVICES is %q: set it to 0 (without webhook and syncer) or 1", services)
	}
	if s.Root == "" {
		root, err := lab.FindRoot()
		if err != nil {
			return err
		}
		s.Root = root
	}
	if s.Dir == "" {
		s.Dir = filepath.Join(s.Root, ".lab")
	}
	if s.Cache == "" {
		s.Cache = filepath.Join(s.Root, ".cache", "lab")
	}
	var err error
	if s.Dir, err = filepath.Abs(s.Dir); err != nil {
		return err
	}
	s.Cache, err = filepath.Abs(s.Cache)
	return err
}

func (s *settings) build(ctx context.Context) error {
	options := s.Options
	options.Progress = os.Stdout
	return lab.Build(ctx, options)
}
