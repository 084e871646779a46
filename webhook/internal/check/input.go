package check

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// stdinName is how an input calls stdin.
const stdinName = "-"

// expand lists the files of inputs, each once. Folders stand for the manifests in them and in all
// folders below, but for hidden ones.
func expand(inputs []string) ([]string, error) {
	var files []string
	var problems []error
	seen := map[string]bool{}
	add := func(file string) {
		if !seen[file] {
			seen[file] = true
			files = append(files, file)
		}
	}
	for _, input := range inputs {
		if input == stdinName {
			add(input)
			continue
		}
		root := filepath.Clean(input)
		info, err := os.Stat(root)
		switch {
		case err != nil:
			problems = append(problems, err)
		case !info.IsDir():
			add(root)
		default:
			problems = append(problems, walkFolder(root, add))
		}
	}
	return files, errors.Join(problems...)
}

func walkFolder(root string, add func(string)) error {
	return filepath.WalkDir(root, func(path string, item fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case item.IsDir():
			if path != root && strings.HasPrefix(item.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		case !slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(path))):
			return nil
		}
		// A link to a file is read, one to a folder is not followed: it may lead in a circle.
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			add(path)
		}
		return nil
	})
}

// write replaces a file's text at once: a concurrent reader has the old text or the new one.
// A link stays, and what it leads to is written.
func write(file string, text []byte) (err error) {
	target, err := filepath.EvalSymlinks(file)
	if err != nil {
		return err
	}
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*")
	if err != nil {
		return fmt.Errorf("fix %s: %w", file, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temporary.Name()) // what failed before counts
			err = fmt.Errorf("fix %s: %w", file, err)
		}
	}()
	_, err = temporary.Write(text)
	err = errors.Join(err, temporary.Chmod(info.Mode().Perm()), temporary.Sync(), temporary.Close())
	if err != nil {
		return err
	}
	return os.Rename(temporary.Name(), target)
}
