package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/secretgate/secretgate/tests/bench/report"
	"github.com/secretgate/secretgate/tests/lab/servers"
)

// finish prints the table and writes the files.
func (b *bench) finish(ctx context.Context) error {
	b.derive()
	rows := b.results.Rows()
	if len(rows) == 0 {
		return errors.Join(errors.New("nothing was measured"), b.failures())
	}
	if err := report.Table(os.Stdout, rows); err != nil {
		return err
	}
	fmt.Printf("\n%s\n", report.Summary(rows))
	run := b.describe(ctx)
	text, err := report.JSON(run, rows)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(b.out, 0o750); err != nil {
		return err
	}
	page := filepath.Join(b.out, "RESULTS.md")
	before, err := os.ReadFile(page)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for name, content := range map[string]string{
		"results.json": string(text), "results.svg": report.SVG(b.chart(run.Date)), "RESULTS.md": report.Page(string(before), run, rows),
	} {
		if err := os.WriteFile(filepath.Join(b.out, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	b.say("The files results.json, RESULTS.md and results.svg are in %s", b.out)
	return b.failures()
}

// failures are the scenarios without numbers, or with some missing.
func (b *bench) failures() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(b.failed)) {
		errs = append(errs, fmt.Errorf("scenario %s: %s", name, b.failed[name]))
	}
	return errors.Join(errs...)
}

func (b *bench) describe(ctx context.Context) report.Run {
	run := report.Run{
		Date: b.begin.UTC().Truncate(time.Second), Commit: b.commit(ctx), Machine: machine(),
		Interval: b.interval.String(), CallLatency: "20ms", Took: time.Since(b.begin).Round(time.Second).String(), Failed: map[string]string{},
		Versions: fmt.Sprintf("%s; Kubernetes %s; syncer with its default of %d workers", runtime.Version(), servers.Newest, b.workers),
	}
	for name, why := range b.failed {
		why, _, _ = strings.Cut(why, " (logs: ") // a path of this machine
		run.Failed[name] = why
	}
	return run
}

// commit names what was measured; files that differ from it are said to.
func (b *bench) commit(ctx context.Context) string {
	git := func(args ...string) string {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", b.root}, args...)...).Output()
		if err != nil {
			return "unknown"
		}
		return strings.TrimSpace(string(out))
	}
	commit := git("rev-parse", "--short", "HEAD")
	if git("status", "--porcelain", "--", "shared", "syncer", "webhook") != "" {
		commit += " with changes"
	}
	return commit
}

func machine() string {
	return fmt.Sprintf("%d processors (%s), %s GiB, Linux %s", runtime.NumCPU(),
		inFile("/proc/cpuinfo", `model name\s*:\s*(.+)`, "unknown model"),
		gibibytes(inFile("/proc/meminfo", `MemTotal:\s*(\d+) kB`, "")),
		inFile("/proc/sys/kernel/osrelease", `^([0-9.]+)`, "unknown"))
}

func gibibytes(kilobytes string) string {
	n, err := strconv.ParseFloat(kilobytes, 64)
	if err != nil {
		return "?"
	}
	return strconv.FormatFloat(n/(1<<20), 'f', 0, 64)
}

// inFile finds a part of a file, or answers a word for its absence.
func inFile(path, pattern, otherwise string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return otherwise
	}
	found := regexp.MustCompile(`(?m)` + pattern).FindSubmatch(text)
	if found == nil {
		return otherwise
	}
	return strings.TrimSpace(string(found[1]))
}
