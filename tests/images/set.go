package images

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// LabelFIPS140 is the label that names the FIPS 140-3 module which a program was built with.
const LabelFIPS140 = "io.secretgate.fips140"

// Set is the images of the two services. All but Revision, FIPS140 and Progress is required.
type Set struct {
	Root      string // of the checkout
	Dir       string // that everything is written to; what is there of other images stays
	Platforms []v1.Platform
	Prefix    string // of the images' names
	Tag       string
	Version   string // that the programs say
	Revision  string // of the checkout
	FIPS140   string // the version of Go's cryptographic module, as GOFIPS140 names it; empty: Go's own
	// Progress receives a line per image; nil throws them away.
	Progress io.Writer
}

// ParsePlatforms reads the values of a flag, such as linux/amd64.
func ParsePlatforms(flag string, values []string) ([]v1.Platform, error) {
	var platforms []v1.Platform
	for _, value := range values {
		platform, err := v1.ParsePlatform(value)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", flag, err)
		}
		platforms = append(platforms, *platform)
	}
	return platforms, nil
}

// Built is the program of a part for one platform.
type Built struct {
	Program
	SBOM []byte // CycloneDX JSON
}

// ID says which it is, such as webhook-linux-amd64.
func (b Built) ID() string { return b.Name + "-" + b.Platform.OS + "-" + b.Platform.Architecture }

// Build makes the images of both services, as BuildOne does.
func (s Set) Build(ctx context.Context) error {
	for _, service := range Services() {
		if err := s.BuildOne(ctx, service.Name); err != nil {
			return err
		}
	}
	return nil
}

// BuildOne makes Dir/<service>, Dir/<service>.tar, and Dir/<service>-<os>-<architecture>.cdx.json, the SBOM, for each
// platform.
func (s Set) BuildOne(ctx context.Context, name string) error {
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(s.Dir, ".building-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()

	var images []v1.Image
	for _, platform := range s.Platforms {
		built, err := s.Compile(ctx, scratch, name, platform)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(s.Dir, built.ID()+".cdx.json"), built.SBOM, 0o644); err != nil {
			return err
		}
		image, err := built.Image()
		if err != nil {
			return err
		}
		images = append(images, image)
	}
	full := s.Prefix + "/" + name + ":" + s.Tag
	digest, err := Save(filepath.Join(s.Dir, name), full, images)
	if err == nil {
		s.Say("%s@%s", full, digest)
	}
	return err
}

// Compile builds the program of a part for a platform, one of Platforms or another, into the folder dir.
func (s Set) Compile(ctx context.Context, dir, name string, platform v1.Platform) (Built, error) {
	at := slices.IndexFunc(Parts(), func(known Part) bool { return known.Name == name })
	if at < 0 {
		return Built{}, fmt.Errorf("there is no program %q among the parts of the product", name)
	}
	part := Parts()[at]
	built := Built{Program: Program{Name: name, Platform: platform, Labels: s.labels(part)}}
	built.Path = filepath.Join(dir, built.ID())
	s.Say("building %s", built.ID())
	source := Source{Root: s.Root, Package: part.Package, Version: s.Version, FIPS140: s.FIPS140}
	if err := source.Compile(ctx, platform, built.Path); err != nil {
		return Built{}, err
	}
	var err error
	if built.Licences, err = source.Licences(ctx, platform); err != nil {
		return Built{}, err
	}
	roots, err := RootsModule(ctx, s.Root)
	if err != nil {
		return Built{}, err
	}
	built.SBOM, err = SBOM(s.Prefix+"/"+name, s.Version, built.Path, roots)
	return built, err
}

func (s Set) labels(part Part) map[string]string {
	labels := map[string]string{
		ocispec.AnnotationTitle:       "Secretgate " + part.Name,
		ocispec.AnnotationDescription: part.Description,
		ocispec.AnnotationSource:      "https://github.com/secretgate/secretgate",
		ocispec.AnnotationLicenses:    "Apache-2.0",
		ocispec.AnnotationVersion:     s.Version,
	}
	if s.Revision != "" {
		labels[ocispec.AnnotationRevision] = s.Revision
	}
	if s.FIPS140 != "" {
		labels[LabelFIPS140] = s.FIPS140
	}
	return labels
}

// Say writes a line to Progress.
func (s Set) Say(format string, args ...any) {
	if s.Progress != nil {
		_, _ = fmt.Fprintf(s.Progress, format+"\n", args...)
	}
}
