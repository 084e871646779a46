package servers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// Builder builds the servers. Source and Cache are required.
type Builder struct {
	// Source is the folder tests/lab/servers of a checkout.
	Source string
	// Cache is the folder that keeps the servers, a folder per module, version and kind of machine.
	Cache string
	// Oldest has the oldest Kubernetes that Secretgate supports, instead of the newest.
	Oldest bool
	// Progress receives a line per event; nil throws them away.
	Progress io.Writer
}

// task is one program that has to be there.
type task struct {
	module module
	program
	target string
}

// Build returns the servers, and builds first the ones that are missing: on two cores a quarter of an hour for all of
// them. A program is moved to its place when it is complete, so an interrupted build leaves nothing half-built, and the
// next one goes on where it ended. Two processes that build at once take turns.
func (b Builder) Build(ctx context.Context) (Set, error) {
	wanted, folder := modules(), "kubernetes"
	if b.Oldest {
		wanted, folder = append(wanted, oldestModules()...), "kubernetes-oldest"
	}
	folders, err := b.buildAll(ctx, wanted)
	if err != nil {
		return Set{}, err
	}
	kubernetes := folders[folder]
	return Set{
		Kubernetes:        kubernetes,
		Etcd:              filepath.Join(folders["kubernetes"], "etcd"),
		APIServer:         filepath.Join(kubernetes, "kube-apiserver"),
		ControllerManager: filepath.Join(kubernetes, "kube-controller-manager"),
		Kubectl:           filepath.Join(kubernetes, "kubectl"),
		Vault:             filepath.Join(folders["vault"], "vault"),
		VaultPlugins:      folders["vaultauth"],
	}, nil
}

// buildAll answers the folder of each module's programs, when they are all there.
func (b Builder) buildAll(ctx context.Context, modules []module) (folders map[string]string, err error) {
	folders, tasks, err := b.plan(modules)
	if err != nil {
		return nil, err
	}
	if len(missing(tasks)) == 0 {
		return folders, nil
	}
	unlock, err := b.lock(ctx)
	if err != nil {
		return nil, fmt.Errorf("the lab's servers cannot be built: %w", err)
	}
	defer unlock()

	left := missing(tasks) // fewer, when another process has just built them
	for i, t := range left {
		title := fmt.Sprintf("building %s (%d of %d)", t.name, i+1, len(left))
		if err := b.build(ctx, title, t); err != nil {
			return nil, err
		}
	}
	return folders, nil
}

func (b Builder) plan(modules []module) (folders map[string]string, tasks []task, err error) {
	folders = map[string]string{}
	for _, m := range modules {
		stamp, err := b.stamp(m)
		if err != nil {
			return nil, nil, fmt.Errorf("the sources of the lab's servers are incomplete: %w", err)
		}
		folder := filepath.Join(b.Cache, fmt.Sprintf("%s-%s-%s-%s-%s", m.folder, m.version, runtime.GOOS, runtime.GOARCH, stamp))
		folders[m.folder] = folder
		for _, p := range m.programs {
			tasks = append(tasks, task{module: m, program: p, target: filepath.Join(folder, p.name)})
		}
	}
	return folders, tasks, nil
}

// stamp names everything that decides what is built: the pinned modules, our own sources and the flags.
func (b Builder) stamp(m module) (string, error) {
	folder := filepath.Join(b.Source, m.folder)
	sources, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	_, _ = fmt.Fprintf(hash, "%+v\n", m)
	for _, file := range append([]string{filepath.Join(folder, "go.mod"), filepath.Join(folder, "go.sum")}, sources...) {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		_, _ = fmt.Fprintf(hash, "%s %d\n%s", filepath.Base(file), len(text), text)
	}
	return hex.EncodeToString(hash.Sum(nil))[:10], nil
}

func missing(tasks []task) []task {
	var left []task
	for _, t := range tasks {
		if _, err := os.Stat(t.target); err != nil {
			left = append(left, t)
		}
	}
	return left
}

// build compiles into a folder of its own on the same file system, since only a rename there is atomic.
func (b Builder) build(ctx context.Context, title string, t task) error {
	scratch, err := os.MkdirTemp(b.Cache, "building-")
	if err != nil {
		return fmt.Errorf("%s cannot be built: %w", t.name, err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	output := filepath.Join(scratch, t.name)

	// Every flag that GOFLAGS could change is given here. With -trimpath the compiled packages could not be shared with
	// other builds of this machine.
	cmd := exec.CommandContext(ctx, "go", "build", "-mod=readonly", "-trimpath=false", "-buildvcs=false",
		"-tags="+t.module.tags, "-gcflags="+t.module.gcflags, "-ldflags="+t.module.ldflags, "-o", output, t.pkg)
	cmd.Dir = filepath.Join(b.Source, t.module.folder)
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	// An interrupt lets the go command remove its own scratch files.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second

	stop := b.report(title)
	said, err := cmd.CombinedOutput()
	took := stop()
	if ctx.Err() != nil {
		return fmt.Errorf("%s: interrupted", title)
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", title, err, said)
	}
	if err := os.MkdirAll(filepath.Dir(t.target), 0o755); err != nil {
		return fmt.Errorf("%s: %w", title, err)
	}
	if err := os.Rename(output, t.target); err != nil {
		return fmt.Errorf("%s: %w", title, err)
	}
	b.say("%s: done in %s", title, took)
	return nil
}

// report shows that a build is under way, since a single one takes minutes, until the returned function is called, which
// says how long it took.
func (b Builder) report(title string) (stop func() time.Duration) {
	begin := time.Now()
	elapsed := func() time.Duration { return time.Since(begin).Round(time.Second) }
	ticker := time.NewTicker(15 * time.Second)
	quit, ended := make(chan struct{}), make(chan struct{})
	b.say("%s", title)
	go func() {
		defer close(ended)
		for {
			select {
			case <-ticker.C:
				b.say("%s: %s", title, elapsed())
			case <-quit:
				return
			}
		}
	}()
	return func() time.Duration {
		ticker.Stop()
		close(quit)
		<-ended
		return elapsed()
	}
}

// lock waits for other processes that build into the same cache. The system releases the lock of a process that dies.
func (b Builder) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(b.Cache, 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(b.Cache, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for waiting := false; ; waiting = true {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			b.clean()
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			_ = file.Close()
			return nil, err
		}
		if !waiting {
			b.say("Waiting for another process that builds the lab's servers")
		}
		select {
		case <-ctx.Done():
			_ = file.Close()
			return nil, errors.New("interrupted")
		case <-ticker.C:
		}
	}
}

// clean removes what a killed build left; the lock is held.
func (b Builder) clean() {
	left, _ := filepath.Glob(filepath.Join(b.Cache, "building-*"))
	for _, folder := range left {
		_ = os.RemoveAll(folder)
	}
}

func (b Builder) say(format string, args ...any) {
	if b.Progress != nil {
		_, _ = fmt.Fprintf(b.Progress, format+"\n", args...)
	}
}
