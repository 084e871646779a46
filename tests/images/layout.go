package images

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/distribution/reference"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// containerdName is what containerd calls an image that it imports.
const containerdName = "io.containerd.image.name"

// Save writes the images, one for each platform, under one name: as an OCI layout in the folder dir, and the same as the
// archive dir.tar, which `ctr images import` and its like load. What was there is replaced. The digest is the name's.
func Save(dir, name string, images []v1.Image) (v1.Hash, error) {
	annotations, err := naming(name)
	if err != nil {
		return v1.Hash{}, err
	}
	index, err := Index(images)
	if err != nil {
		return v1.Hash{}, err
	}
	if err := os.RemoveAll(dir); err != nil {
		return v1.Hash{}, err
	}
	folder, err := layout.Write(dir, empty.Index)
	if err != nil {
		return v1.Hash{}, err
	}
	if err := folder.AppendIndex(index, layout.WithAnnotations(annotations)); err != nil {
		return v1.Hash{}, fmt.Errorf("the image cannot be written to %s: %w", dir, err)
	}
	if err := pack(dir, dir+".tar"); err != nil {
		return v1.Hash{}, fmt.Errorf("%s.tar cannot be written: %w", dir, err)
	}
	return index.Digest()
}

// Index is one image for several platforms: the client that pulls it takes the one that fits.
func Index(images []v1.Image) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, image := range images {
		config, err := image.ConfigFile()
		if err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: config.Platform()},
		})
	}
	return index, nil
}

// naming completes a short name as Kubernetes does, so that an import is found under the name that a manifest has.
func naming(name string) (map[string]string, error) {
	full, err := reference.ParseDockerRef(name)
	if err != nil {
		return nil, fmt.Errorf("%q is no name of an image: %w", name, err)
	}
	tagged, ok := full.(reference.Tagged)
	if !ok {
		return nil, fmt.Errorf("%q is no name of an image to make: it needs a tag instead of a digest", name)
	}
	return map[string]string{containerdName: full.String(), ocispec.AnnotationRefName: tagged.Tag()}, nil
}

// pack writes a folder's files into an archive that says nothing of when and by whom.
func pack(dir, archive string) (err error) {
	out, err := os.Create(archive)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := tar.NewWriter(out)
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return add(w, filepath.ToSlash(name), path, entry)
	})
	return errors.Join(err, w.Close())
}

func add(w *tar.Writer, name, path string, entry fs.DirEntry) error {
	header := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o444, Format: tar.FormatUSTAR, ModTime: time.Unix(0, 0)}
	if entry.IsDir() {
		header.Typeflag, header.Mode, header.Name = tar.TypeDir, 0o755, name+"/"
		return w.WriteHeader(header)
	}
	info, err := entry.Info()
	if err != nil {
		return err
	}
	header.Size = info.Size()
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	_, err = io.Copy(w, in)
	return err
}
