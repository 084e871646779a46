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

// script writes a program, and answers its path.
func script(t *testing.T, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// names lists what is in a cache beside logs, relative to it.
func names(t *testing.T, cache string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(cache, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Ext(path) != ".log" {
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
			b, tiny := sources(t, c.source)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.interrupt {
				cancel()
			}
			err := b.build(ctx, []task{tiny})
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

func TestFailedBuildSaysItsLastLinesAndWhereAllOfThemAre(t *testing.T) {
	b, tiny := sources(t, "package main\nfunc main() { x }\n")
	err := b.build(t.Context(), []task{tiny})
	if err == nil {
		t.Fatal("got no error of a program that does not compile")
	}
	log := filepath.Join(b.Cache, "log", "tiny.log")
	for _, want := range []string{"tiny cannot be built: go build ended (exit status 1): see " + log, "undefined: x"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want it to say %q", err, want)
		}
	}
	text, readErr := os.ReadFile(log)
	if readErr != nil || !strings.Contains(string(text), "undefined: x") {
		t.Errorf("got the log %q (%v), want what the compiler said", text, readErr)
	}
}

func TestProgramsOfOneModuleAreBuiltTogether(t *testing.T) {
	b := Builder{Source: t.TempDir(), Cache: t.TempDir()}
	m := module{folder: "two", version: "v1.0.0", programs: []program{{"first", "two/server/v3"}, {"second", "two/second"}}}
	for name, text := range map[string]string{
		"go.mod": "module two\n", "go.sum": "",
		"server/v3/main.go": "package main\nfunc main() {}\n", "second/main.go": "package main\nfunc main() {}\n",
	} {
		file := filepath.Join(b.Source, m.folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said strings.Builder
	b.Progress = &said
	at, err := b.buildAll(t.Context(), []module{m}, []string{"first", "second"})
	if err != nil {
		t.Fatal(err)
	}
	folder, err := b.folder(m)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"first": filepath.Join(folder, "first"), "second": filepath.Join(folder, "second")}
	if diff := cmp.Diff(want, at); diff != "" || !exists(at["first"]) || !exists(at["second"]) {
		t.Errorf("programs (-want +got):\n%s", diff)
	}
	if got := strings.Count(said.String(), "\n"); got != 2 {
		t.Errorf("got %d lines, want one per program:\n%s", got, said.String())
	}
}

func TestPlan(t *testing.T) {
	root, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name    string
		builder Builder
		wanted  []string
		want    []string // module and program
	}{
		{"all of the newest", Builder{}, []string{etcd, apiServer, controllerManager, kubectl}, []string{
			"kubernetes etcd", "kubernetes kube-apiserver", "kubernetes kube-controller-manager", "kubernetes kubectl",
		}},
		{"only what is wanted", Builder{}, []string{etcd, kubectl}, []string{"kubernetes etcd", "kubernetes kubectl"}},
		{"not what was found", Builder{Found: map[string]string{etcd: "/a/etcd"}}, []string{etcd, kubectl}, []string{"kubernetes kubectl"}},
		{"the oldest has the newest's etcd", Builder{Oldest: true}, []string{etcd, apiServer, kubectl}, []string{
			"kubernetes etcd", "kubernetes-oldest kube-apiserver", "kubernetes-oldest kubectl",
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.builder.Source, c.builder.Cache = root, t.TempDir()
			tasks, err := c.builder.plan(controlPlane(c.builder.Oldest), c.wanted)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, task := range tasks {
				got = append(got, task.module.folder+" "+task.name)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("to build (-want +got):\n%s", diff)
			}
		})
	}
}

func TestQuickBuildUsesWhatOthersBuilt(t *testing.T) {
	b, task := sources(t, "package main\nfunc main() {}\n")
	b.Quick = true
	planned := func() string {
		tasks, err := b.plan([]module{task.module}, []string{task.name})
		if err != nil {
			t.Fatal(err)
		}
		return tasks[0].module.gcflags
	}
	if got := planned(); got != unoptimised {
		t.Errorf("got the flags %q of a program that is missing, want those of a quick build", got)
	}
	folder, err := b.folder(task.module)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	script(t, folder, task.name, "")
	if got := planned(); got != "" {
		t.Errorf("got the flags %q, want the program that another lab built", got)
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
	if diff := cmp.Diff("servers         waiting for another process that builds them\n", <-said); diff != "" {
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
