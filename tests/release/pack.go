package release

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
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

// pack is the archive of a program and its licences, and the archive's extension: what the program's system opens without more.
// It says nothing of when and by whom it was made.
func pack(program images.Program) (packed []byte, extension string, err error) {
	binary, err := os.ReadFile(program.Path)
	if err != nil {
		return nil, "", err
	}
	files := []entry{{program.Name, 0o755, binary}}
	for _, name := range slices.Sorted(maps.Keys(program.Licences)) {
		files = append(files, entry{name, 0o644, program.Licences[name]})
	}
	var out bytes.Buffer
	if program.Platform.OS == "windows" {
		files[0].name += ".exe"
		err = writeZip(&out, files)
		return out.Bytes(), ".zip", err
	}
	err = writeTar(&out, files)
	return out.Bytes(), ".tar.gz", err
}

func writeZip(out io.Writer, files []entry) error {
	w := zip.NewWriter(out)
	for _, f := range files {
		file, err := w.Create(f.name)
		if err != nil {
			return err
		}
		if _, err := file.Write(f.content); err != nil {
			return err
		}
	}
	return w.Close()
}

func writeTar(out io.Writer, files []entry) error {
	compressed := gzip.NewWriter(out)
	w := tar.NewWriter(compressed)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content)), Format: tar.FormatUSTAR, ModTime: time.Unix(0, 0)}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		if _, err := w.Write(f.content); err != nil {
			return err
		}
	}
	return errors.Join(w.Close(), compressed.Close())
}
