package images

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Source is a program of a checkout.
type Source struct {
	Root    string // of the checkout
	Package string // relative to Root, such as ./webhook/cmd/webhook
	Version string // what the program says of itself; empty for one that says nothing
	// FIPS140 is the version of Go's cryptographic module to build with, as GOFIPS140 names it, such as v1.0.0; empty: Go's own.
	FIPS140 string
	// Shared compiles as other builds of this machine do, and shares with them: faster, but elsewhere the bytes differ.
	Shared bool
}

// Compile builds the program, static and stripped. The same source and the same Go make the same bytes in every folder of
// every machine, which -trimpath is for; no package compiled with it is shared with other builds.
func (s Source) Compile(ctx context.Context, platform v1.Platform, output string) error {
	target, err := filepath.Abs(output)
	if err != nil {
		return err
	}
	flags := "-s -w -buildid="
	if s.Version != "" {
		flags += " -X main.version=" + s.Version
	}
	cmd := goCommand(ctx, s.Root, platform, "build", "-mod=readonly", fmt.Sprintf("-trimpath=%t", !s.Shared), "-buildvcs=false",
		"-ldflags="+flags, "-o", target, s.Package)
	if s.FIPS140 != "" {
		cmd.Env = append(cmd.Env, "GOFIPS140="+s.FIPS140)
	}
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s cannot be built for %s: %w\n%s", s.Package, platform, err, said)
	}
	return nil
}

// goCommand is a call of Go in a folder, for the platform and with no setting of this machine.
func goCommand(ctx context.Context, dir string, platform v1.Platform, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(withoutGoSettings(os.Environ()),
		"CGO_ENABLED=0", "GOOS="+platform.OS, "GOARCH="+platform.Architecture, "GOAMD64=v1", "GOARM64=v8.0")
	return cmd
}

// withoutGoSettings drops what would make the program another one than elsewhere.
func withoutGoSettings(environment []string) []string {
	return slices.DeleteFunc(environment, func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		switch name {
		case "GOFLAGS", "GOEXPERIMENT", "GODEBUG", "GOFIPS140", "GOWORK", "GOOS", "GOARCH":
			return true
		default:
			return false
		}
	})
}
