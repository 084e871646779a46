package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/secretgate/secretgate/tests/bench/report"
	"github.com/secretgate/secretgate/tests/bench/world"
	"github.com/secretgate/secretgate/tests/lab"
)

// scenarios are the names of what can be measured, in the order of the report.
func scenarios() []string {
	return []string{
		"cold", "steady", "rotation", "late", "shared", "outage", "restart", "replicas", "admission", "neighbour", "templates", "sealed",
	}
}

// stage is a piece of work that serves one or more scenarios.
type stage struct {
	name   string
	serves []string
	run    func(context.Context) error
}

// bench is one run.
type bench struct {
	options
	results *report.Results
	begin   time.Time
	dir     string // of the labs
	root    string // checkout
	workers int    // how many objects the syncer syncs at a time unless told otherwise

	recovering sync.Mutex // held from an outage's end until all is well: how fast that goes depends on who else writes

	mu     sync.Mutex
	worlds int
	failed map[string]string // scenario: why
}

func newBench(o options) (*bench, error) {
	root, err := lab.FindRoot()
	if err != nil {
		return nil, err
	}
	b := &bench{
		options: o, begin: time.Now(), root: root, failed: map[string]string{},
		results: &report.Results{Scenarios: scenarios(), Targets: targets()},
	}
	if b.workers, err = defaultWorkers(filepath.Join(root, "bin", "syncer")); err != nil {
		return nil, err
	}
	b.dir, err = os.MkdirTemp("", "secretgate-bench-")
	return b, err
}

// defaultWorkers asks the syncer itself, so that the bare writer works as wide as it does.
func defaultWorkers(syncer string) (int, error) {
	help, err := exec.Command(syncer, "--help").Output() //nolint:noctx // a moment
	if err != nil {
		return 0, fmt.Errorf("the syncer does not run: %w: run make build", err)
	}
	found := regexp.MustCompile(`--workers int .*\(default (\d+)\)`).FindSubmatch(help)
	if found == nil {
		return 0, fmt.Errorf("the help of the syncer does not tell the default of --workers")
	}
	return strconv.Atoi(string(found[1]))
}

// alone lists what needs the machine to itself, since it measures speed, latency or processor time.
func (b *bench) alone() []stage {
	stages := []stage{
		{"cold", []string{"cold"}, func(ctx context.Context) error { return b.coldRounds(ctx, b.small, b.rounds) }},
		{"calm", []string{"steady", "late"}, func(ctx context.Context) error { return b.calm(ctx, b.small) }},
	}
	if b.large > 0 {
		// The world that the calm stage measures in begins with one more cold start.
		stages = append(stages,
			stage{"cold", []string{"cold"}, func(ctx context.Context) error { return b.coldRounds(ctx, b.large, b.rounds-1) }},
			stage{"calm", []string{"cold", "steady", "late", "rotation"}, func(ctx context.Context) error { return b.calm(ctx, b.large) }})
	}
	for _, n := range replicaCounts() {
		name := fmt.Sprintf("replicas-%d", n)
		stages = append(stages, stage{name, []string{"replicas"}, func(ctx context.Context) error { return b.replicasCold(ctx, n) }})
	}
	stages = append(stages, stage{"admission", []string{"admission"}, b.admission}, stage{"templates", []string{"templates"}, b.templates},
		stage{"sealed", []string{"sealed"}, b.sealed})
	return append(stages, b.neighbours()...)
}

// together lists what counts calls and waits for intervals, and leaves the machine idle: several at a time.
func (b *bench) together() []stage {
	stages := []stage{
		{"replicas-1", []string{"replicas"}, func(ctx context.Context) error { return b.replicasSteady(ctx, 1) }},
		{"restart", []string{"restart"}, b.restart},
		{"shared", []string{"shared"}, b.shared},
		{"rotation", []string{"rotation"}, b.rotation},
	}
	for _, n := range replicaCounts()[1:] {
		name := fmt.Sprintf("replicas-%d", n)
		stages = append(stages, stage{name, []string{"replicas"}, func(ctx context.Context) error { return b.replicasSteady(ctx, n) }})
	}
	return stages
}

// outages lists what waits several at a time, too, and whose ends need the machine to themselves: see recovering.
func (b *bench) outages() []stage {
	var stages []stage
	for i := range b.rounds {
		stages = append(stages, stage{fmt.Sprintf("outage-%d", i+1), []string{"outage"}, b.outageRound})
	}
	return stages
}

// measure runs all that is wanted. A stage that fails takes its scenarios' numbers with it, and nothing else.
func (b *bench) measure(ctx context.Context) {
	for _, s := range b.alone() {
		b.perform(ctx, s)
	}
	for _, stages := range [][]stage{b.together(), b.outages()} {
		group := errgroup.Group{}
		group.SetLimit(b.beside)
		for _, s := range stages {
			group.Go(func() error {
				b.perform(ctx, s)
				return nil
			})
		}
		_ = group.Wait() // perform keeps the errors
	}
}

func (b *bench) perform(ctx context.Context, s stage) {
	if ctx.Err() != nil || !slices.ContainsFunc(s.serves, b.wants) {
		return
	}
	if err := s.run(ctx); err != nil && ctx.Err() == nil {
		b.say("%s failed: %v", s.name, err)
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, scenario := range s.serves {
			if b.wants(scenario) {
				b.failed[scenario] = s.name + ": " + err.Error()
			}
		}
	}
}

// in runs a piece of work in a world of its own, and keeps the world's folder if that fails.
func (b *bench) in(ctx context.Context, name string, work func(context.Context, *world.World) error) error {
	return b.inSuch(ctx, name, world.Options{Interval: b.interval}, work)
}

// inSuch is in with a world that is not like the others.
func (b *bench) inSuch(ctx context.Context, name string, such world.Options, work func(context.Context, *world.World) error) error {
	b.mu.Lock()
	b.worlds++
	dir := filepath.Join(b.dir, fmt.Sprintf("%02d-%s", b.worlds, name))
	b.mu.Unlock()
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	such.Dir = dir
	w, alive, err := world.Start(ctx, such)
	if err != nil {
		return err
	}
	err = work(alive, w)
	w.Close()
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w (logs: %s)", err, filepath.Join(dir, "lab", "log"))
	}
	_ = w.Remove()
	return err
}

// say prints a line of progress.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%6.0f s  %s\n", time.Since(b.begin).Seconds(), fmt.Sprintf(format, args...))
}

// note keeps the value of one round.
func (b *bench) note(scenario string, objects, replicas int, name, unit string, value float64) {
	b.results.Add(report.Key{Scenario: scenario, Objects: objects, Replicas: replicas, Name: name, Unit: unit}, value)
}
