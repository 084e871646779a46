package release

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/secretgate/secretgate/tests/images"
)

// sbomType is the media type of CycloneDX JSON, and the type of an artifact that holds it.
const sbomType types.MediaType = "application/vnd.cyclonedx+json"

// image is one service's image, which is an index of one image for each platform.
type image struct {
	service  string
	programs []images.Built
	parts    []v1.Image // of the programs, in their order
	index    v1.ImageIndex
	digest   name.Digest // of the index in the registry
	version  name.Tag
}

// mayPush is an error if the registry cannot be reached or takes no image from us.
func (r Release) mayPush() error {
	for _, service := range images.Services() {
		repository, err := name.NewRepository(r.Prefix + "/" + service.Name)
		if err != nil {
			return err
		}
		err = remote.CheckPushPermission(repository.Tag(r.Version), authn.DefaultKeychain, remote.DefaultTransport)
		if err != nil {
			return fmt.Errorf("%s takes no image from here, so log in or look at its name: %w", repository, err)
		}
	}
	return nil
}

// newImage makes the image of a service's programs.
func (r Release) newImage(service string, programs []images.Built) (image, error) {
	repository, err := name.NewRepository(r.Prefix + "/" + service)
	if err != nil {
		return image{}, err
	}
	made := image{service: service, programs: programs, version: repository.Tag(r.Version)}
	for _, program := range programs {
		part, err := program.Image()
		if err != nil {
			return image{}, err
		}
		made.parts = append(made.parts, part)
	}
	if made.index, err = images.Index(made.parts); err != nil {
		return image{}, err
	}
	digest, err := made.index.Digest()
	if err != nil {
		return image{}, err
	}
	made.digest = repository.Digest(digest.String())
	return made, nil
}

// push pushes an image by digest, and the SBOM of each platform as an artifact that refers to that platform's image.
func (r Release) push(ctx context.Context, made image) error {
	r.Say("pushing %s", made.digest)
	if err := remote.WriteIndex(made.digest, made.index, options(ctx)...); err != nil {
		return fmt.Errorf("%s cannot be pushed: %w", made.digest, err)
	}
	for i, part := range made.parts {
		if err := r.pushSBOM(ctx, made.digest.Context(), made.programs[i], part); err != nil {
			return err
		}
	}
	return nil
}

// refuseOther is an error if the version is taken by another image.
func (r Release) refuseOther(ctx context.Context, ours image) error {
	there, err := published(ctx, ours.version)
	if err != nil {
		return err
	}
	if there != "" && there != ours.digest.DigestStr() {
		return fmt.Errorf("%s is released already, with digest %s instead of %s: release a new version",
			ours.version, there, ours.digest.DigestStr())
	}
	return nil
}

// published is the digest of the image that a tag names; empty if there is none.
func published(ctx context.Context, tag name.Tag) (string, error) {
	there, err := remote.Head(tag, options(ctx)...)
	if failure, ok := errors.AsType[*transport.Error](err); ok && failure.StatusCode == http.StatusNotFound {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("what %s names cannot be read: %w", tag, err)
	}
	return there.Digest.String(), nil
}

// pushSBOM pushes a program's SBOM. Registries list it among the referrers of the program's image.
func (r Release) pushSBOM(ctx context.Context, repository name.Repository, program images.Built, of v1.Image) error {
	subject, err := partial.Descriptor(of)
	if err != nil {
		return err
	}
	artifact := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), sbomType)
	artifact, err = mutate.AppendLayers(artifact, static.NewLayer(program.SBOM, sbomType))
	if err != nil {
		return err
	}
	artifact, ok := mutate.Subject(artifact, *subject).(v1.Image)
	if !ok {
		return errors.New("an image that refers to another is no image any more")
	}
	digest, err := artifact.Digest()
	if err != nil {
		return err
	}
	reference := repository.Digest(digest.String())
	r.Say("pushing %s, the SBOM of %s", reference, program.ID())
	if err := remote.Write(reference, artifact, options(ctx)...); err != nil {
		return fmt.Errorf("the SBOM of %s cannot be pushed: %w", program.ID(), err)
	}
	return nil
}

// tag lets the version name the image.
func (r Release) tag(ctx context.Context, pushed image) error {
	r.Say("tagging %s", pushed.version)
	if err := remote.Tag(pushed.version, pushed.index, options(ctx)...); err != nil {
		return fmt.Errorf("%s cannot be tagged: %w", pushed.version, err)
	}
	return nil
}

// options log in as `docker login` or its like left it.
func options(ctx context.Context) []remote.Option {
	return []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}
}
