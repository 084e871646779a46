// Command licences checks under which licences the modules are that the programs of the product link.
package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/secretgate/secretgate/tests/images"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/command"
)

func main() { command.Main(root()) }

func root() *cobra.Command {
	var values []string
	cmd := command.New("licences", "Fail for a module that a program links under a licence that is not permitted",
		func(ctx context.Context, _ []string) error { return check(ctx, values) })
	cmd.Flags().StringSliceVar(&values, "platforms", []string{"linux/amd64"}, "what the programs are built for")
	return cmd
}

func check(ctx context.Context, values []string) error {
	root, err := lab.FindRoot()
	if err != nil {
		return err
	}
	platforms, err := images.ParsePlatforms("platforms", values)
	if err != nil {
		return err
	}
	for _, part := range images.Parts() {
		for _, platform := range platforms {
			counts, err := images.Source{Root: root, Package: part.Package}.Terms(ctx, platform)
			if err != nil {
				return fmt.Errorf("%s for %s: %w", part.Name, platform, err)
			}
			var parts []string
			for _, licence := range slices.Sorted(maps.Keys(counts)) {
				parts = append(parts, fmt.Sprintf("%s %d", licence, counts[licence]))
			}
			fmt.Printf("licences of %s for %s: %s\n", part.Name, platform, strings.Join(parts, ", "))
		}
	}
	return nil
}
