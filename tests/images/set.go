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

// Set is the images of the two services. All but Revision and Progress is required.
type Set struct {
	Root      string // of the checkout
	Dir       string // that everything is written to; what is there of other images stays
	Platforms []v1.Platform
	Prefix    string // of the images' names
	Tag       string
	Version   string // that the programs say
	Revision  string // of the checkout
	// Progress receives a line per image; nil throws them away.
	Progress io.Writer
}

// service is one of the two.
type service struct{ name, description string }

func services() []service {
	return []service{
		{"webhook", "Judges every ExternalSecret before it is stored"},
		{"syncer", "Reads the values of ExternalSecrets from secret managers and writes the Secrets"},
	}
}

// Build builds the images of both services, and answers their digests by service.
func (s Set) Build(ctx context.Context) (map[string]v1.Hash, error) {
	digests := map[string]v1.Hash{}
	for _, service := range services() {
		digest, err := s.BuildOne(ctx, service.name)
		if err != nil {
			return nil, err
		}
		digests[service.name] = digest
	}
	return digests, nil
}

// BuildOne makes Dir/<service>, Dir/<service>.tar, and Dir/<service>-<os>-<architecture>.cdx.json, the SBOM, for each
// platform.
func (s Set) BuildOne(ctx context.Context, name string) (v1.Hash, error) {
	at := slices.IndexFunc(services(), func(known service) bool { return known.name == name })
	if at < 0 {
		return v1.Hash{}, fmt.Errorf("there is no service %q", name)
	}
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return v1.Hash{}, err
	}
	scratch, err := os.MkdirTemp(s.Dir, ".building-")
	if err != nil {
		return v1.Hash{}, err
	}
	defer func() { _ = os.RemoveAll(scratch) }()

	built, err := s.images(ctx, scratch, services()[at])
	if err != nil {
		return v1.Hash{}, err
	}
	full := s.Prefix + "/" + name + ":" + s.Tag
	digest, err := Save(filepath.Join(s.Dir, name), full, built)
	if err == nil {
		s.say("%s@%s", full, digest)
	}
	return digest, err
}

// images makes the images of one service, one for each platform, and its SBOMs.
func (s Set) images(ctx context.Context, scratch string, service service) ([]v1.Image, error) {
	roots, err := RootsModule(ctx, s.Root)
	if err != nil {
		return nil, err
	}
	var built []v1.Image
	for _, platform := range s.Platforms {
		id := service.name + "-" + platform.OS + "-" + platform.Architecture
		s.say("building %s", id)
		program := filepath.Join(scratch, id)
		source := Source{Root: s.Root, Package: "./" + service.name + "/cmd/" + service.name, Version: s.Version}
		if err := source.Compile(ctx, platform, program); err != nil {
			return nil, err
		}
		sbom, err := SBOM(s.Prefix+"/"+service.name, s.Version, program, roots)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(s.Dir, id+".cdx.json"), sbom, 0o644); err != nil {
			return nil, err
		}
		image, err := Program{Name: service.name, Path: program, Platform: platform, Labels: s.labels(service)}.Image()
		if err != nil {
			return nil, err
		}
		built = append(built, image)
	}
	return built, nil
}

func (s Set) labels(service service) map[string]string {
	labels := map[string]string{
		ocispec.AnnotationTitle:       "Secretgate " + service.name,
		ocispec.AnnotationDescription: service.description,
		ocispec.AnnotationSource:      "https://github.com/secretgate/secretgate",
		ocispec.AnnotationLicenses:    "Apache-2.0",
		ocispec.AnnotationVersion:     s.Version,
	}
	if s.Revision != "" {
		labels[ocispec.AnnotationRevision] = s.Revision
	}
	return labels
}

func (s Set) say(format string, args ...any) {
	if s.Progress != nil {
		_, _ = fmt.Fprintf(s.Progress, format+"\n", args...)
	}
}
