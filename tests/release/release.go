// Package release publishes a version: it pushes the images of both services, with their SBOMs, to a registry, and writes what people
// download. All of it is built from the checkout alone, so the same commit and the same Go make the same bytes again.
package release

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/secretgate/secretgate/tests/images"
)

// checksums is the file that `sha256sum --check` reads.
const checksums = "SHA256SUMS"

// version is a semantic version that a tag of an image can be: without build metadata.
var version = regexp.MustCompile(`^v(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(-[0-9A-Za-z.-]+)?$`)

// Release is one version to publish.
type Release struct {
	// Set is what the images are made of. Prefix is the registry and the path in it that they are pushed to, Version and Tag are
	// the version, such as v1.2.3; Dir is the folder of what people download, which must be empty or missing.
	images.Set
	// Desktops are the platforms besides Platforms that get an archive of the webhook's program, for its command `check`.
	Desktops []v1.Platform
	// Kustomize is the program that renders the manifests.
	Kustomize string
}

// Run publishes the release. What would fail without a build fails before it. A tag that names another image is an error, and stays.
// Tags are set last, so one that is there stands for a release that is whole.
func (r Release) Run(ctx context.Context) error {
	if !version.MatchString(r.Version) {
		return fmt.Errorf("%q is no version to release: give one such as v1.2.3 or v1.2.3-rc.1", r.Version)
	}
	if r.Prefix == "" {
		return errors.New("there is no registry to push to: give one with the path of the images, such as registry.example.com/secretgate")
	}
	if err := r.prepare(); err != nil {
		return err
	}
	if err := r.mayPush(); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "secretgate-release-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()

	var pushed []image
	for _, service := range images.Services() {
		image, err := r.service(ctx, scratch, service)
		if err != nil {
			return err
		}
		pushed = append(pushed, image)
	}
	for _, platform := range r.Desktops {
		built, err := r.Compile(ctx, scratch, "webhook", platform)
		if err != nil {
			return err
		}
		if err := r.download(built); err != nil {
			return err
		}
	}
	if err := r.manifests(ctx, scratch, pushed); err != nil {
		return err
	}
	if err := r.sum(); err != nil {
		return err
	}
	for _, image := range pushed {
		if err := r.tag(ctx, image); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes the folder, and refuses one that holds what is not of this release.
func (r Release) prepare() error {
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(r.Dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s is not empty: remove what is in it, or choose another folder", r.Dir)
	}
	return err
}

// service builds and pushes one image, and writes the archives and SBOMs of its programs.
func (r Release) service(ctx context.Context, scratch, name string) (image, error) {
	var programs []images.Built
	for _, platform := range r.Platforms {
		built, err := r.Compile(ctx, scratch, name, platform)
		if err != nil {
			return image{}, err
		}
		if err := r.download(built); err != nil {
			return image{}, err
		}
		programs = append(programs, built)
	}
	return r.push(ctx, name, programs)
}

// download writes a program's archive and its SBOM.
func (r Release) download(built images.Built) error {
	base := fmt.Sprintf("secretgate-%s_%s_%s_%s", built.Name, r.Version, built.Platform.OS, built.Platform.Architecture)
	if err := r.write(base+".cdx.json", built.SBOM); err != nil {
		return err
	}
	packed, extension, err := pack(built.Program)
	if err != nil {
		return err
	}
	return r.write(base+extension, packed)
}

func (r Release) write(name string, content []byte) error {
	r.Say("writing %s", name)
	return os.WriteFile(filepath.Join(r.Dir, name), content, 0o644)
}

// sum writes the checksums of all files.
func (r Release) sum() error {
	entries, err := os.ReadDir(r.Dir) // by name
	if err != nil {
		return err
	}
	var lines strings.Builder
	for _, entry := range entries {
		sum, err := sumOf(filepath.Join(r.Dir, entry.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&lines, "%x  %s\n", sum, entry.Name())
	}
	return r.write(checksums, []byte(lines.String()))
}

func sumOf(path string) ([]byte, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }()
	sum := sha256.New()
	_, err = io.Copy(sum, in)
	return sum.Sum(nil), err
}
