// Package release publishes a version: it pushes the images of both services, with their SBOMs, to a registry, and writes what people
// download. All of it is built from the checkout alone, so the same commit and the same Go make the same bytes again.
package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/secretgate/secretgate/tests/images"
)

// version is a semantic version that a tag of an image can be: without build metadata.
var version = regexp.MustCompile(`^v(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(-[0-9A-Za-z.-]+)?$`)

// Release is one version to publish.
type Release struct {
	// Set is what the images are made of. Prefix is the registry and the path in it that they are pushed to, Version and Tag are
	// the version, such as v1.2.3; Dir is the folder of what people download, which must be empty or missing.
	images.Set
	// Desktops are the platforms besides Platforms that the programs are built for that people run themselves.
	Desktops []v1.Platform
	// Signer signs what is published. The zero value signs nothing, and then there is no provenance either.
	Signer Signer
	// Builder is where the release is built, as provenance names it.
	Builder Builder
}

// Run publishes the release. What would fail without a build fails before it, and all is built before anything is pushed. A tag that
// names another image is an error, and stays. Tags are set last, so one that is there stands for a release that is whole.
func (r Release) Run(ctx context.Context) error {
	if err := r.check(); err != nil {
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
	if err := r.Signer.check(ctx, scratch); err != nil {
		return err
	}
	built, err := r.build(ctx, scratch)
	if err != nil {
		return err
	}
	for _, image := range built {
		if err := r.refuseOther(ctx, image); err != nil {
			return err
		}
	}
	for _, image := range built {
		if err := r.push(ctx, image); err != nil {
			return err
		}
	}
	if err := r.sign(ctx, scratch, built); err != nil {
		return err
	}
	for _, image := range built {
		if err := r.tag(ctx, image); err != nil {
			return err
		}
	}
	return nil
}

// check refuses what is no release.
func (r Release) check() error {
	if !version.MatchString(r.Version) {
		return fmt.Errorf("%q is no version to release: give one such as v1.2.3 or v1.2.3-rc.1", r.Version)
	}
	if r.Prefix == "" {
		return errors.New("there is no registry for the images: give one with their path, such as registry.example.com/secretgate")
	}
	return r.prepare()
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

// build makes the images, and writes all that people download. Nothing leaves this machine.
func (r Release) build(ctx context.Context, scratch string) ([]image, error) {
	var made []image
	for _, part := range images.Parts() {
		programs, err := r.programs(ctx, scratch, part)
		if err != nil {
			return nil, err
		}
		if !part.Image {
			continue
		}
		image, err := r.newImage(part.Name, programs)
		if err != nil {
			return nil, err
		}
		made = append(made, image)
	}
	if err := r.manifests(scratch, made); err != nil {
		return nil, err
	}
	return made, r.sum()
}

// programs builds a part for each of its platforms, and writes the archives and SBOMs. It returns those for Platforms.
func (r Release) programs(ctx context.Context, scratch string, part images.Part) ([]images.Built, error) {
	platforms := r.Platforms
	if part.Desktop {
		platforms = slices.Concat(r.Platforms, r.Desktops)
	}
	var programs []images.Built
	for _, platform := range platforms {
		built, err := r.Compile(ctx, scratch, part.Name, platform)
		if err != nil {
			return nil, err
		}
		if err := r.download(part, built); err != nil {
			return nil, err
		}
		programs = append(programs, built)
	}
	return programs[:len(r.Platforms)], nil
}

// download writes a program's archive and its SBOM.
func (r Release) download(part images.Part, built images.Built) error {
	base := r.downloadName(part, built.Platform)
	if err := r.write(base+".cdx.json", built.SBOM); err != nil {
		return err
	}
	guide, err := os.ReadFile(filepath.Join(r.Root, part.Guide))
	if err != nil {
		return err
	}
	packed, extension, err := packProgram(built.Program, guide)
	if err != nil {
		return err
	}
	return r.write(base+extension, packed)
}

// downloadName begins the names of a program's archive and SBOM. It has the product's name once.
func (r Release) downloadName(part images.Part, platform v1.Platform) string {
	name := part.Name
	if !strings.Contains(name, "secretgate") {
		name = "secretgate-" + name
	}
	return fmt.Sprintf("%s_%s_%s_%s", name, r.Version, platform.OS, platform.Architecture)
}

func (r Release) write(name string, content []byte) error {
	r.Say("writing %s", name)
	return os.WriteFile(filepath.Join(r.Dir, name), content, 0o644)
}
