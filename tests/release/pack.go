package release

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/secretgate/secretgate/tests/images"
)

// entry is a file of an archive.
type entry struct {
	name    string
	mode    int64
	content []byte
}

// packProgram is the archive of a program, its licences and its guide, and the archive's extension: what the program's system opens
// without more. It says nothing of when and by whom it was made.
func packProgram(program images.Program, guide []byte) (packed []byte, extension string, err error) {
	binary, err := os.ReadFile(program.Path)
	if err != nil {
		return nil, "", err
	}
	files := []entry{{program.Name, 0o755, binary}}
	for _, name := range slices.Sorted(maps.Keys(program.Licences)) {
		files = append(files, entry{name, 0o644, program.Licences[name]})
	}
	files = append(files, entry{"README.md", 0o644, guide})
	if program.Platform.OS == "windows" {
		files[0].name += ".exe"
		packed, err = zipped(files)
		return packed, ".zip", err
	}
	packed, err = tarred(files)
	return packed, ".tar.gz", err
}

func zipped(files []entry) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		file, err := w.Create(f.name)
		if err != nil {
			return nil, err
		}
		if _, err := file.Write(f.content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

func tarred(files []entry) ([]byte, error) {
	var out bytes.Buffer
	compressed := gzip.NewWriter(&out)
	w := tar.NewWriter(compressed)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content)), Format: tar.FormatUSTAR, ModTime: time.Unix(0, 0)}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	err := errors.Join(w.Close(), compressed.Close())
	return out.Bytes(), err
}
