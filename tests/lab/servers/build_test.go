package servers

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sources writes a module with one program, and answers a builder of it and the task.
func sources(t *testing.T, source string) (Builder, task) {
	t.Helper()
	b := Builder{Source: t.TempDir(), Cache: t.TempDir()}
	m := module{folder: "tiny", version: "v1.0.0", programs: []program{{"tiny", "."}}}
	files := map[string]string{"go.mod": "module tiny\n", "go.sum": "", "main.go": source}
	if err := os.Mkdir(filepath.Join(b.Source, m.folder), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(b.Source, m.folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return b, task{module: m, program: m.programs[0], target: filepath.Join(b.Cache, "tiny-v1.0.0", "tiny")}
}

// names lists what is in a cache, relative to it.
func names(t *testing.T, cache string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(cache, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(cache, path)
			found = append(found, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestBuildLeavesWholeProgramsOnly(t *testing.T) {
	const good, bad = "package main\nfunc main() {}\n", "package main\nfunc main() { x }\n"
	cases := []struct {
		name, source string
		interrupt    bool
		want         []string
		failure      string
	}{
		{"a program that compiles is put in its place", good, false, []string{"tiny-v1.0.0/tiny"}, ""},
		{"a program that does not compile leaves nothing", bad, false, nil, "undefined: x"},
		{"an interrupted build leaves nothing", good, true, nil, "interrupted"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b, task := sources(t, c.source)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.interrupt {
				cancel()
			}
			err := b.build(ctx, "building tiny", task)
			if (err == nil) != (c.failure == "") || err != nil && !strings.Contains(err.Error(), c.failure) {
				t.Errorf("got error %v, want one with %q", err, c.failure)
			}
			if diff := cmp.Diff(c.want, names(t, b.Cache)); diff != "" {
				t.Errorf("in the cache (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStampFollowsWhatDecidesTheBuild(t *testing.T) {
	b, task := sources(t, "package main\nfunc main() {}\n")
	stamp := func(m module) string {
		text, err := b.stamp(m)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	first := stamp(task.module)
	if again := stamp(task.module); again != first {
		t.Errorf("the same sources have the stamps %s and %s", first, again)
	}
	flags := task.module
	flags.tags = "minimal"
	if stamp(flags) == first {
		t.Error("another tag does not change the stamp")
	}
	if err := os.WriteFile(filepath.Join(b.Source, "tiny", "go.sum"), []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if stamp(task.module) == first {
		t.Error("another go.sum does not change the stamp")
	}
}

func TestASecondBuilderWaits(t *testing.T) {
	b := Builder{Cache: t.TempDir()}
	unlock, err := b.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	said := make(lines, 1)
	second := make(chan error)
	go func() {
		unlockSecond, err := Builder{Cache: b.Cache, Progress: said}.lock(t.Context())
		if err == nil {
			unlockSecond()
		}
		second <- err
	}()
	if diff := cmp.Diff("Waiting for another process that builds the lab's servers\n", <-said); diff != "" {
		t.Errorf("the second builder says (-want +got):\n%s", diff)
	}
	unlock()
	if err := <-second; err != nil {
		t.Error(err)
	}
}

type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}
