// Command lab brings the lab up in the background and stops it.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/command"
	"github.com/secretgate/secretgate/tests/lab/progress"
	"github.com/secretgate/secretgate/tests/lab/supervisor"
)

func main() { command.Main(root()) }

func root() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "A lab on this machine: Kubernetes' API, Vault, emulated clouds, and Secretgate's two services",
		Long: `A lab on this machine: Kubernetes' API, Vault, emulated clouds, and Secretgate's two services.

LAB_SERVICES=0 in the environment leaves the two services out; LAB_KUBERNETES=oldest runs the oldest Kubernetes that is supported.
up uses etcd, kube-apiserver, kubectl, kube-controller-manager and vault of KUBEBUILDER_ASSETS and PATH whose versions are supported;
with LAB_SERVERS=build, or LAB_KUBERNETES, it uses none of them, and builds the versions that the tests run on.
Exit codes: 0 done, 1 failure (of status: the lab is not up), 2 bad usage.`,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			return s.complete(os.Getenv("LAB_SERVICES"))
		},
	}
	cmd.PersistentFlags().StringVar(&s.Dir, "dir", "", "folder of the lab's state (default .lab in the checkout)")
	cmd.PersistentFlags().StringVar(&s.Cache, "cache", "", "folder of the built servers (default .cache/lab in the checkout)")
	cmd.PersistentFlags().StringArrayVar(&s.APIServerArgs, "apiserver-arg", nil, "a further flag of kube-apiserver; may be repeated")
	cmd.PersistentFlags().StringArrayVar(&s.Syncer.Args, "syncer-arg", nil, "a further flag of the syncer; may be repeated")
	cmd.PersistentFlags().StringArrayVar(&s.Webhook.Args, "webhook-arg", nil, "a further flag of the webhook; may be repeated")
	supervise := command.New(supervisor.Argument, "Run the lab until a signal comes (up starts this)",
		func(ctx context.Context, _ []string) error { return supervisor.Run(ctx) })
	supervise.Hidden = true
	cmd.AddCommand(
		command.New("up", "Bring the lab up in the background; .lab/env then says how to use it", s.up),
		command.New("down", "Stop the lab", s.down),
		command.New("status", "Say whether the lab is up", s.status),
		command.New("build", "Build the servers that the cache lacks, and start nothing", s.build),
		supervise,
	)
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
	var err error
	if s.Root, err = lab.FindRoot(); err != nil {
		return err
	}
	if s.Dir == "" {
		s.Dir = filepath.Join(s.Root, ".lab")
	}
	if s.Cache == "" {
		s.Cache = filepath.Join(s.Root, ".cache", "lab")
	}
	if s.Dir, err = filepath.Abs(s.Dir); err != nil {
		return err
	}
	s.Cache, err = filepath.Abs(s.Cache)
	return err
}

func (s *settings) build(ctx context.Context, _ []string) error {
	options := s.Options
	options.Progress = progress.NewScreen(os.Stdout)
	if err := lab.Build(ctx, options); err != nil {
		return err
	}
	return lab.BuildESO(ctx, options)
}
