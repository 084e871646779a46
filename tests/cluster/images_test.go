package cluster

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/secretgate/secretgate/tests/images"
	"github.com/secretgate/secretgate/tests/node"
)

// The images that these tests run are built again, from a copy of the checkout elsewhere.
func TestImagesAreTheSameWhenBuiltAgain(t *testing.T) {
	copied := copyCheckout(t, theCluster.Root)
	for _, service := range []string{"webhook", "syncer"} {
		first := onlyImage(t, filepath.Join(*archives, service))
		config, err := first.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		labels := config.Config.Labels
		again := images.Set{
			Root: copied, Dir: t.TempDir(), Platforms: []v1.Platform{node.Platform()}, Prefix: "registry.invalid/secretgate", Tag: "dev",
			Version: labels["org.opencontainers.image.version"], Revision: labels["org.opencontainers.image.revision"],
		}
		if err := again.BuildOne(t.Context(), service); err != nil {
			t.Fatal(err)
		}
		second := onlyImage(t, filepath.Join(again.Dir, service))
		if diff := cmp.Diff(digest(t, first), digest(t, second)); diff != "" {
			t.Errorf("%s (-first +second):\n%s", service, diff)
		}
	}
}

// copyCheckout copies what Go needs to build the services.
func copyCheckout(t *testing.T, root string) string {
	t.Helper()
	target := t.TempDir()
	for _, name := range []string{"LICENSE", "go.work", "go.work.sum", "shared", "webhook", "syncer", "tests"} {
		err := filepath.WalkDir(filepath.Join(root, name), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(root, path)
			if err != nil || entry.IsDir() || !entry.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			copied := filepath.Join(target, relative)
			if err := os.MkdirAll(filepath.Dir(copied), 0o755); err != nil {
				return err
			}
			return os.WriteFile(copied, text, 0o644)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return target
}

// onlyImage is the image of a layout that was built for one platform.
func onlyImage(t *testing.T, dir string) v1.Image {
	t.Helper()
	top, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := top.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	index, err := top.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range inner.Manifests {
		if strings.HasSuffix(m.Platform.String(), node.Platform().Architecture) {
			image, err := index.Image(m.Digest)
			if err != nil {
				t.Fatal(err)
			}
			return image
		}
	}
	t.Fatalf("%s holds no image for %s", dir, node.Platform())
	return nil
}

// digest is that of the image, and of what it is made of, which tells where two differ.
func digest(t *testing.T, image v1.Image) map[string]string {
	t.Helper()
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	hash, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{"image": hash.String(), "config": manifest.Config.Digest.String()}
	for i, name := range []string{"roots", "program"} {
		parts[name] = manifest.Layers[i].Digest.String()
	}
	return parts
}
