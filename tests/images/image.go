// Package images makes OCI images of static programs, without a container engine. The same program and the same CA roots
// make the same image, byte for byte, so that anyone who doubts an image can build it again and compare digests.
package images

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// User owns the process in every image; Pod Security "restricted" asks for a number that is not 0.
const User = 65532

// caFile is where Go, like most, looks for CA roots first.
const caFile = "etc/ssl/certs/ca-certificates.crt"

// Program is one static program for one platform.
type Program struct {
	Name     string // in the root folder of the image; what the image starts
	Path     string // of the program on this machine
	Platform v1.Platform
	Labels   map[string]string
	// Licences are the texts, by file name, under which it may be used: see Source.Licences. They go into /licenses.
	Licences map[string][]byte
}

// Image is an image of the program that holds, beside it, CA roots, the name of its user and licences: no shell, nothing to write to.
func (p Program) Image() (v1.Image, error) {
	program, err := os.ReadFile(p.Path)
	if err != nil {
		return nil, err
	}
	ground, err := layer(groundFiles())
	if err != nil {
		return nil, err
	}
	files := []file{{name: p.Name, mode: 0o555, content: program}}
	if len(p.Licences) > 0 {
		files = append(files, file{name: "licenses/", mode: 0o755})
	}
	for _, name := range slices.Sorted(maps.Keys(p.Licences)) {
		files = append(files, file{name: "licenses/" + name, mode: 0o444, content: p.Licences[name]})
	}
	top, err := layer(files)
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.Append(image,
		mutate.Addendum{Layer: ground, History: v1.History{CreatedBy: "CA roots of Mozilla"}},
		mutate.Addendum{Layer: top, History: v1.History{CreatedBy: "go build " + p.Name}},
	)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = p.Platform.OS, p.Platform.Architecture
	config.Config.User = fmt.Sprintf("%d:%d", User, User)
	config.Config.Entrypoint = []string{"/" + p.Name}
	config.Config.WorkingDir = "/"
	config.Config.Labels = p.Labels
	return mutate.ConfigFile(image, config)
}

// file is a regular file of a layer. Its parent folders stand before it in the list, without content.
type file struct {
	name    string
	mode    int64
	content []byte
}

func groundFiles() []file {
	id := strconv.Itoa(User)
	return []file{
		{name: "etc/", mode: 0o755},
		{name: "etc/group", mode: 0o444, content: []byte("nonroot:x:" + id + ":\n")},
		{name: "etc/passwd", mode: 0o444, content: []byte("nonroot:x:" + id + ":" + id + ":nonroot:/:/nologin\n")},
		{name: "etc/ssl/", mode: 0o755},
		{name: "etc/ssl/certs/", mode: 0o755},
		{name: caFile, mode: 0o444, content: roots()},
	}
}

// roots is Mozilla's list as a PEM file. A root that Mozilla trusts for older certificates alone is left out: a PEM file
// cannot say so.
func roots() []byte {
	var text bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a buffer takes everything
	}
	return text.Bytes()
}

// layer is a compressed layer of files that belong to root and are as old as time.
func layer(files []file) (v1.Layer, error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, f := range files {
		header := &tar.Header{
			Name: path.Clean(f.name), Mode: f.mode, Size: int64(len(f.content)),
			Typeflag: tar.TypeReg, Format: tar.FormatUSTAR, ModTime: time.Unix(0, 0),
		}
		if f.content == nil {
			header.Typeflag, header.Name = tar.TypeDir, header.Name+"/"
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	opener := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil }
	return tarball.LayerFromOpener(opener, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
}
