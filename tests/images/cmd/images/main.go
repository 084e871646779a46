// Command images builds the images of webhook and syncer: OCI layouts, archives and SBOMs.
package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/secretgate/secretgate/tests/images"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/command"
)

func main() { command.Main(root()) }

func root() *cobra.Command {
	var platforms []string
	set := images.Set{Prefix: "registry.invalid/secretgate", Tag: "dev", Version: "dev"}
	cmd := command.New("images", "Build the images of webhook and syncer, with their SBOMs, without a container engine",
		func(ctx context.Context, _ []string) error { return build(ctx, set) })
	cmd.PreRunE = func(*cobra.Command, []string) (err error) {
		set.Platforms, err = images.ParsePlatforms("platforms", platforms)
		return err
	}
	cmd.Flags().StringVar(&set.Dir, "dir", "", "folder of what is built (default bin/images in the checkout)")
	cmd.Flags().StringSliceVar(&platforms, "platforms", []string{"linux/amd64", "linux/arm64"}, "what to build for")
	cmd.Flags().StringVar(&set.Prefix, "prefix", set.Prefix, "what the images' names begin with, before /webhook and /syncer")
	cmd.Flags().StringVar(&set.Tag, "tag", set.Tag, "tag of the images")
	cmd.Flags().StringVar(&set.Version, "version", set.Version, "version that the programs and the labels say")
	cmd.Flags().StringVar(&set.Revision, "revision", "", "commit that the labels say")
	cmd.Flags().StringVar(&set.FIPS140, "fips140", "", "version of Go's FIPS 140-3 module to build with, such as v1.0.0 (default: none)")
	return cmd
}

func build(ctx context.Context, set images.Set) error {
	var err error
	if set.Root, err = lab.FindRoot(); err != nil {
		return err
	}
	if set.Dir == "" {
		set.Dir = filepath.Join(set.Root, "bin", "images")
	}
	set.Progress = os.Stdout
	return set.Build(ctx)
}
