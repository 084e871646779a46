// Command release pushes the images of a version to a registry and writes what people download.
package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/secretgate/secretgate/tests/images"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/command"
	"github.com/secretgate/secretgate/tests/release"
)

func main() { command.Main(root()) }

func root() *cobra.Command {
	var r release.Release
	var platforms, desktops []string
	cmd := command.New("release", "Push the images of a version to a registry, and write its manifests, archives, SBOMs and checksums",
		func(ctx context.Context, _ []string) error { return publish(ctx, r) })
	cmd.PreRunE = func(*cobra.Command, []string) (err error) {
		if r.Platforms, err = images.ParsePlatforms("platforms", platforms); err != nil {
			return err
		}
		r.Desktops, err = images.ParsePlatforms("desktops", desktops)
		return err
	}
	flags := cmd.Flags()
	flags.StringVar(&r.Dir, "dir", "", "folder of what people download, empty or missing (default bin/release in the checkout)")
	flags.StringSliceVar(&platforms, "platforms", []string{"linux/amd64", "linux/arm64"}, "what to build both services for")
	flags.StringSliceVar(&desktops, "desktops", []string{"darwin/amd64", "darwin/arm64", "windows/amd64"},
		"what else to build the webhook's program for, which has the command check")
	flags.StringVar(&r.Prefix, "registry", "", "registry and path to push to, before /webhook and /syncer")
	flags.StringVar(&r.Version, "version", "", "version to release, such as v1.2.3")
	flags.StringVar(&r.Revision, "revision", "", "commit that the labels say")
	flags.StringVar(&r.Kustomize, "kustomize", "kustomize", "the program kustomize")
	return cmd
}

func publish(ctx context.Context, r release.Release) error {
	var err error
	if r.Root, err = lab.FindRoot(); err != nil {
		return err
	}
	if r.Dir == "" {
		r.Dir = filepath.Join(r.Root, "bin", "release")
	}
	r.Tag, r.Progress = r.Version, os.Stdout
	return r.Run(ctx)
}
