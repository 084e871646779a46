// Command release pushes the images of a version to a registry, signs them, and writes what people download; or builds a version again
// and compares.
package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/secretgate/secretgate/tests/images"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/command"
	"github.com/secretgate/secretgate/tests/release"
)

func main() { command.Main(root()) }

func root() *cobra.Command {
	cmd := &cobra.Command{Use: "release", Short: "Publish a version, or check one that is published", Args: cobra.NoArgs}
	cmd.AddCommand(publish(), verify())
	return cmd
}

func publish() *cobra.Command {
	var r release.Release
	cmd := command.New("publish", "Push the images of a version to a registry, sign them, and write manifests, archives, SBOMs and checksums",
		func(ctx context.Context, _ []string) error {
			if err := complete(&r, "release"); err != nil {
				return err
			}
			if r.Signer.Cosign != "" {
				if err := r.Signer.MaySign(os.Getenv); err != nil {
					return err
				}
			}
			// As the user wrote it, who was in the checkout.
			if key := r.Signer.Key; key != "" && !strings.Contains(key, "://") && !filepath.IsAbs(key) {
				r.Signer.Key = filepath.Join(r.Root, key)
			}
			r.Builder = release.BuilderOf(os.Getenv)
			return r.Run(ctx)
		})
	flags(cmd, &r)
	cmd.Flags().StringVar(&r.Signer.Cosign, "cosign", "", "the program cosign, which signs; empty releases unsigned")
	cmd.Flags().StringVar(&r.Signer.Key, "key", "", "private key, as cosign names it; empty signs as the workflow that runs this")
	return cmd
}

func verify() *cobra.Command {
	var r release.Release
	var released string
	cmd := command.New("verify", "Build a version again, and compare it with what is published",
		func(ctx context.Context, _ []string) error {
			if err := complete(&r, "verify"); err != nil {
				return err
			}
			if released != "" && !filepath.IsAbs(released) {
				released = filepath.Join(r.Root, released)
			}
			return r.Verify(ctx, released)
		})
	flags(cmd, &r)
	cmd.Flags().StringVar(&released, "checksums", "", "the release's SHA256SUMS, to compare all downloads, too")
	return cmd
}

// flags are those of both commands.
func flags(cmd *cobra.Command, r *release.Release) {
	var platforms, desktops []string
	cmd.PreRunE = func(*cobra.Command, []string) (err error) {
		if r.Platforms, err = images.ParsePlatforms("platforms", platforms); err != nil {
			return err
		}
		r.Desktops, err = images.ParsePlatforms("desktops", desktops)
		return err
	}
	all := cmd.Flags()
	all.StringVar(&r.Dir, "dir", "", "folder of what people download, empty or missing (default in bin of the checkout)")
	all.StringSliceVar(&platforms, "platforms", []string{"linux/amd64", "linux/arm64"}, "what to build both services for")
	all.StringSliceVar(&desktops, "desktops", []string{"darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"},
		"what else to build the programs for that people run themselves")
	all.StringVar(&r.Prefix, "registry", "", "registry and path of the images, before /webhook and /syncer")
	all.StringVar(&r.Version, "version", "", "version, such as v1.2.3")
	all.StringVar(&r.Revision, "revision", "", "commit that the labels say")
	all.StringVar(&r.FIPS140, "fips140", "", "version of Go's FIPS 140-3 module to build with, such as v1.0.0 (default: none)")
}

// complete fills in what the checkout says.
func complete(r *release.Release, folder string) error {
	var err error
	if r.Root, err = lab.FindRoot(); err != nil {
		return err
	}
	if r.Dir == "" {
		r.Dir = filepath.Join(r.Root, "bin", folder)
	}
	r.Tag, r.Progress = r.Version, os.Stdout
	return nil
}
