// Command bench measures syncer and webhook on labs of its own and reports what it saw; README.md says what, and how.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/secretgate/secretgate/tests/lab"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.As(err, new(usageError)):
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// usageError is a mistake on the command line.
type usageError string

func (e usageError) Error() string { return string(e) }

// options are what the flags say.
type options struct {
	scenarios    []string
	small, large int // objects; large 0: leave out what needs it
	rounds       int
	beside       int
	out          string // folder
	redraw       bool

	interval time.Duration // refresh interval, and the length of a measured window
	outage   time.Duration
	trials   int
}

func parse(args []string) (options, error) {
	o := options{interval: time.Minute, outage: 2 * time.Minute, trials: 30}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main says what is wrong
	chosen := flags.String("scenario", strings.Join(scenarios(), ","), "what to measure, separated by commas")
	objects := flags.String("objects", "1000,10000", "the small and the large number of objects; one alone leaves out the large one")
	flags.IntVar(&o.rounds, "rounds", 3, "rounds to take medians of")
	flags.IntVar(&o.beside, "beside", 6, "how many labs may run beside each other where calls are counted and nothing is timed closely")
	flags.StringVar(&o.out, "out", "", "folder to write results to (default: tests/bench for a whole run, else .cache/bench)")
	flags.BoolVar(&o.redraw, "redraw", false, "measure nothing: draw results.svg of the results.json in --out (default: tests/bench)")
	quick := flags.Bool("quick", false, "200 objects, one round, short intervals: shows that all works, proves no number")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			flags.SetOutput(os.Stdout)
			flags.Usage()
			return o, err
		}
		return o, usageError(err.Error())
	}
	if *quick {
		*objects, o.rounds = "200", 1
		o.interval, o.outage, o.trials, o.beside = 15*time.Second, 20*time.Second, 10, 8
	}
	o.scenarios = strings.Split(*chosen, ",")
	for _, name := range o.scenarios {
		if !slices.Contains(scenarios(), name) {
			return o, usageError(fmt.Sprintf("scenario %q is unknown: choose among %s", name, strings.Join(scenarios(), ", ")))
		}
	}
	if err := o.size(*objects); err != nil {
		return o, err
	}
	if o.rounds < 1 || o.beside < 1 || flags.NArg() > 0 {
		return o, usageError("--rounds and --beside are 1 or more, and there are no arguments")
	}
	if err := o.place(*quick); err != nil {
		return o, err
	}
	return o, nil
}

// size reads how many objects there are to be.
func (o *options) size(objects string) error {
	into := []*int{&o.small, &o.large}
	for i, text := range strings.Split(objects, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 10 || i >= len(into) {
			return usageError(fmt.Sprintf("--objects %q: give one number, or two separated by a comma, of 10 or more", objects))
		}
		*into[i] = n
	}
	return nil
}

// place decides where results go: only a whole run may replace the ones that are kept in git.
func (o *options) place(quick bool) error {
	if o.out != "" {
		return nil
	}
	root, err := lab.FindRoot()
	if err != nil {
		return err
	}
	whole := !quick && len(o.scenarios) == len(scenarios()) && o.rounds >= 3 && o.small == 1000 && o.large == 10000 || o.redraw
	o.out = filepath.Join(root, ".cache", "bench")
	if whole {
		o.out = filepath.Join(root, "tests", "bench")
	}
	return nil
}

func (o options) wants(scenario string) bool { return slices.Contains(o.scenarios, scenario) }

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.redraw {
		return (&bench{options: o}).redraw()
	}
	b, err := newBench(o)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(b.dir) }() // what is not empty is kept for debugging
	b.measure(ctx)
	if ctx.Err() != nil {
		return errors.New("interrupted: nothing was written")
	}
	return b.finish(ctx)
}
