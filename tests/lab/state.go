package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// locate fills in the options' defaults.
func locate(options Options) (*Lab, error) {
	if options.Root == "" {
		root, err := FindRoot()
		if err != nil {
			return nil, err
		}
		options.Root = root
	}
	if options.Cache == "" {
		options.Cache = filepath.Join(options.Root, ".cache", "lab")
	}
	kubernetes := os.Getenv("LAB_KUBERNETES")
	if kubernetes != "" && kubernetes != "newest" && kubernetes != "oldest" {
		return nil, fmt.Errorf("LAB_KUBERNETES is %q: use newest or oldest", kubernetes)
	}
	return &Lab{
		Dir: options.Dir, Root: options.Root, options: options, Oldest: kubernetes == "oldest",
		failed: make(chan error, 1), stopped: make(chan struct{}),
	}, nil
}

// FindRoot is the checkout that the working directory is in: the nearest folder with a go.work.
func FindRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is not in a checkout of Secretgate (no go.work here or above): change into one", start)
		}
	}
}

// prepare makes the state folder anew. It is as private as the tokens in it.
func prepare(options Options) (*Lab, error) {
	if options.Dir == "" {
		return nil, errors.New("the lab needs a folder for its state: set Options.Dir")
	}
	dir, err := filepath.Abs(options.Dir)
	if err != nil {
		return nil, err
	}
	options.Dir = dir
	l, err := locate(options)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the lab's state folder cannot be made: %w", err)
	}
	if l.release, err = hold(dir); err != nil {
		return nil, err
	}
	if err := l.makeFolders(); err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

func (l *Lab) makeFolders() error {
	if err := errors.Join(Forget(l.Dir), os.RemoveAll(filepath.Join(l.Dir, "log"))); err != nil {
		return fmt.Errorf("what an earlier lab left cannot be removed: %w", err)
	}
	for _, folder := range []string{filepath.Join(l.Dir, "log"), l.stateFile("home")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return fmt.Errorf("the lab's state folder cannot be made: %w", err)
		}
	}
	return nil
}

// Forget removes what is only true while a lab runs; its logs stay. It names what it removes, since a user may point Dir
// at a folder of theirs.
func Forget(dir string) error {
	var errs []error
	for _, name := range []string{"env", "kubeconfig", "state"} {
		errs = append(errs, os.RemoveAll(filepath.Join(dir, name)))
	}
	return errors.Join(errs...)
}

// stateFile is a file that only the lab needs to find.
func (l *Lab) stateFile(name string) string { return filepath.Join(l.Dir, "state", name) }

// writeState writes such a file for its owner's eyes only, and answers its path.
func (l *Lab) writeState(name string, text []byte) (string, error) {
	path := l.stateFile(name)
	return path, writePrivate(path, text)
}

// writePrivate puts a file in place whole: a reader sees the old one or the new one.
func writePrivate(path string, text []byte) error {
	next := path + ".next"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return err
	}
	return os.Rename(next, path)
}
