package servers

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/secretgate/secretgate/tests/lab/process"
	"github.com/secretgate/secretgate/tests/lab/progress"
)

// build compiles programs of one module into a folder on the same file system, since only a rename there is atomic.
func (b Builder) build(ctx context.Context, tasks []task) error {
	names := joined(tasks)
	scratch, err := os.MkdirTemp(b.Cache, "building-")
	if err != nil {
		return fmt.Errorf("%s cannot be built: %w", names, err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	log, err := b.newLog(tasks[0].module.folder)
	if err != nil {
		return fmt.Errorf("%s cannot be built: %w", names, err)
	}
	if err := b.compile(ctx, tasks, scratch, log); err != nil {
		return fmt.Errorf("%s cannot be built: %w", names, err)
	}
	for _, t := range tasks {
		if err := os.MkdirAll(filepath.Dir(t.target), 0o755); err != nil {
			return fmt.Errorf("%s cannot be put in its place: %w", t.name, err)
		}
		if err := os.Rename(filepath.Join(scratch, output(t.pkg)), t.target); err != nil {
			return fmt.Errorf("%s cannot be put in its place: %w", t.name, err)
		}
	}
	return nil
}

// newLog makes an empty file for what the go command prints.
func (b Builder) newLog(name string) (string, error) {
	log := filepath.Join(b.Cache, "log", name+".log")
	if err := os.MkdirAll(filepath.Dir(log), 0o755); err != nil {
		return "", err
	}
	return log, os.WriteFile(log, nil, 0o600)
}

// compile runs the go command. When ctx ends, it ends with all that it started, and removes its own scratch files.
func (b Builder) compile(ctx context.Context, tasks []task, folder, log string) error {
	program, err := exec.LookPath("go")
	if err != nil {
		return err
	}
	m := tasks[0].module
	// Every flag that GOFLAGS could change is given here. With -trimpath the compiled packages could not be shared with
	// other builds of this machine.
	args := []string{
		"-C", filepath.Join(b.Source, m.folder), "build", "-v", "-mod=readonly", "-trimpath=false", "-buildvcs=false",
		"-tags=" + m.tags, "-gcflags=" + m.gcflags, "-ldflags=" + m.ldflags, "-o",
	}
	// Of several programs the go command takes a folder alone, and names them by their packages.
	if len(tasks) == 1 {
		args = append(args, filepath.Join(folder, output(tasks[0].pkg)))
	} else {
		args = append(args, folder+string(filepath.Separator))
	}
	for _, t := range tasks {
		args = append(args, t.pkg)
	}
	p, err := process.Start(process.Command{
		Name: "go build", Path: program, Args: args, Log: log,
		Env: append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH),
	})
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, p.Interrupt)()
	b.follow(p, tasks, folder, log)
	if ctx.Err() != nil {
		p.Interrupt() // returns when it has ended
		return fmt.Errorf("interrupted")
	}
	if !p.Succeeded() {
		return fmt.Errorf("%w\n%s", p.Err(), lastLines(log, 10))
	}
	return nil
}

// follow shows what the go command does until it ends, and each program that it completes.
func (b Builder) follow(p *process.Process, tasks []task, folder, log string) {
	begin := time.Now()
	elapsed := func() time.Duration { return time.Since(begin).Round(time.Second) }
	seen := activity{log: log}
	left := tasks
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for ended := false; !ended; {
		select {
		case <-p.Done():
			ended = true
		case <-ticker.C:
		}
		if ended && !p.Succeeded() {
			return
		}
		var waiting []task
		for _, t := range left {
			if ended || exists(filepath.Join(folder, output(t.pkg))) {
				b.say(t.name, "built in %s", elapsed())
				continue
			}
			waiting = append(waiting, t)
		}
		if left = waiting; len(left) > 0 {
			progress.Show(b.Progress, Row(joined(left), fmt.Sprintf("%s: %s", elapsed(), seen.now())))
		}
	}
}

// joined names programs.
func joined(tasks []task) string {
	names := make([]string, len(tasks))
	for i, t := range tasks {
		names[i] = t.name
	}
	return strings.Join(names, ", ")
}

var majorVersion = regexp.MustCompile(`^v\d+$`)

// output is what the go command calls the program of a package, which differs from the program's own name for some.
func output(pkg string) string {
	name := path.Base(pkg)
	if majorVersion.MatchString(name) {
		name = path.Base(path.Dir(pkg))
	}
	if name == "." {
		return "program"
	}
	return name
}

// activity reads from the output of `go build -v` what it does: a line per package that it compiles.
type activity struct {
	log      string
	read     int // bytes of the log
	packages int
	last     string
}

// now says what the go command has come to.
func (a *activity) now() string {
	text, err := os.ReadFile(a.log)
	if err == nil && len(text) > a.read {
		whole := bytes.LastIndexByte(text, '\n') + 1
		if whole > a.read {
			a.take(string(text[a.read:whole]))
			a.read = whole
		}
	}
	switch message, isMessage := strings.CutPrefix(a.last, "go: "); {
	case a.last == "":
		return "starting"
	case isMessage:
		return message
	default:
		return fmt.Sprintf("package %d, %s", a.packages, a.last)
	}
}

func (a *activity) take(lines string) {
	for line := range strings.Lines(lines) {
		a.last = strings.TrimSpace(line)
		if !strings.Contains(a.last, " ") {
			a.packages++
		}
	}
}

// lastLines is the end of a file.
func lastLines(file string, n int) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
