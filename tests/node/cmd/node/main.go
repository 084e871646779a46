// Command node brings a cluster up in the background, runs programs in it, and stops it.
package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/command"
	"github.com/secretgate/secretgate/tests/node"
)

func main() { command.Main(root()) }

// settings are the cluster's options as flags give them.
type settings struct{ node.Options }

func root() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use: "node", Short: "A real Kubernetes cluster on this machine, in namespaces of its own; needs Linux and root",
		PersistentPreRunE: func(*cobra.Command, []string) error { return s.complete() },
	}
	cmd.PersistentFlags().StringVar(&s.Dir, "dir", "", "folder of the cluster's state (default .cluster in the checkout)")
	cmd.PersistentFlags().IntVar(&s.Nodes, "nodes", 2, "number of nodes")
	cmd.PersistentFlags().StringSliceVar(&s.Images, "images", nil, "archives of images that each node has from the start")
	enter := command.New("exec PROGRAM [ARGUMENT...]", "Run a program in the cluster's network, with kubectl in its PATH", s.exec)
	enter.Args = cobra.MinimumNArgs(1)
	enter.Flags().SetInterspersed(false)
	supervise := command.New("supervise", "Run the cluster until a signal comes (up starts this)", s.supervise)
	supervise.Hidden = true
	cmd.AddCommand(
		command.New("up", "Bring the cluster up in the background; exec then enters it", s.up),
		command.New("down", "Stop the cluster", s.down),
		command.New("build", "Build the servers that the cache lacks, and start nothing", s.build),
		enter, supervise,
	)
	return cmd
}

func (s *settings) complete() error {
	root, err := lab.FindRoot()
	if err != nil {
		return err
	}
	s.Root, s.Progress = root, os.Stdout
	if s.Dir == "" {
		s.Dir = filepath.Join(root, ".cluster")
	}
	s.Dir, err = filepath.Abs(s.Dir)
	return err
}

func (s *settings) build(ctx context.Context, _ []string) error { return node.Build(ctx, s.Options) }

// holder is the process that the cluster belongs to; 0 when none is up.
func (s *settings) holder() (int, error) { return lab.Holder(filepath.Join(s.Dir, "lab")) }

func (s *settings) envFile() string { return filepath.Join(s.Dir, "env") }
