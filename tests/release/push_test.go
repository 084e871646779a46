package release

import (
	"bytes"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// checkPushed pulls what the version names, each platform's image and SBOM, and returns the digest.
func checkPushed(t *testing.T, r Release, service string) string {
	t.Helper()
	repository, err := name.NewRepository(r.Prefix + "/" + service)
	if err != nil {
		t.Fatal(err)
	}
	tagged, err := remote.Head(repository.Tag(r.Version))
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(repository.Digest(tagged.Digest.String()))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Errorf("the index is not what it says: %v", err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, part := range manifest.Manifests {
		platforms = append(platforms, part.Platform.String())
		want := read(t, r.Dir, "secretgate-"+service+"_v1.2.3_linux_"+part.Platform.Architecture+".cdx.json")
		if diff := cmp.Diff([]string{want}, artifacts(t, repository, part.Digest)); diff != "" {
			t.Errorf("SBOMs of %s (-want +got):\n%s", part.Platform, diff)
		}
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, platforms); diff != "" {
		t.Errorf("platforms (-want +got):\n%s", diff)
	}
	return tagged.Digest.String()
}

// artifacts are the contents of what refers to an image and is an SBOM.
func artifacts(t *testing.T, repository name.Repository, image v1.Hash) []string {
	t.Helper()
	referrers, err := remote.Referrers(repository.Digest(image.String()), remote.WithFilter("artifactType", string(sbomType)))
	if err != nil {
		t.Fatal(err)
	}
	list, err := referrers.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var contents []string
	for _, referrer := range list.Manifests {
		artifact, err := remote.Image(repository.Digest(referrer.Digest.String()))
		if err != nil {
			t.Fatal(err)
		}
		layers, err := artifact.Layers()
		if err != nil {
			t.Fatal(err)
		}
		for _, layer := range layers {
			content, err := layer.Compressed()
			if err != nil {
				t.Fatal(err)
			}
			var text bytes.Buffer
			if _, err := io.Copy(&text, content); err != nil {
				t.Fatal(err)
			}
			contents = append(contents, text.String())
		}
	}
	return contents
}

func digestOf(t *testing.T, r Release, service string) name.Digest {
	t.Helper()
	repository, err := name.NewRepository(r.Prefix + "/" + service)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := published(t.Context(), repository.Tag(r.Version))
	if err != nil {
		t.Fatal(err)
	}
	return repository.Digest(digest)
}
