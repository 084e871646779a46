package lab

import (
	"context"
	"path/filepath"

	"github.com/secretgate/secretgate/tests/lab/servers"
)

// Build builds the servers that are missing in the cache, as Start does first.
func Build(ctx context.Context, options Options) error {
	l, err := locate(options)
	if err != nil {
		return err
	}
	_, err = l.Builder().Build(ctx)
	return err
}

// BuildESO builds External Secrets Operator where the cache lacks it. No lab starts it: tests do.
func BuildESO(ctx context.Context, options Options) error {
	l, err := locate(options)
	if err != nil {
		return err
	}
	_, err = l.Builder().BuildESO(ctx)
	return err
}

// Builder builds the lab's servers.
func (l *Lab) Builder() servers.Builder {
	return servers.Builder{
		Source:   filepath.Join(l.Root, "tests", "lab", "servers"),
		Cache:    l.options.Cache,
		Oldest:   l.Oldest,
		Found:    l.options.Servers,
		Quick:    l.options.Quick,
		Progress: l.options.Progress,

		WithoutControllers: l.options.Quick,
	}
}
