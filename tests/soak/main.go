// Command soak runs two replicas of the syncer for an hour or longer while a random hand edits, creates, deletes and rotates,
// changes policies, breaks the backend, and restarts and kills a replica. At checkpoints it lets everything settle and then
// expects every object to be right, and memory to be flat. A run is repeated, as far as time allows, with its seed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/secretgate/secretgate/tests/bench/world"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// options are what the flags say.
type options struct {
	duration, checkpoint, interval time.Duration
	objects, rate                  int
	seed                           uint64
}

func parse() (options, error) {
	var o options
	flag.DurationVar(&o.duration, "duration", time.Hour, "how long to go on")
	flag.DurationVar(&o.checkpoint, "checkpoint", 0, "how long between checkpoints (default: a sixth of the duration)")
	flag.DurationVar(&o.interval, "interval", time.Minute, "the syncers' refresh interval")
	flag.IntVar(&o.objects, "objects", 10000, "ExternalSecrets to keep about")
	flag.IntVar(&o.rate, "rate", 20, "changes a second")
	flag.Uint64Var(&o.seed, "seed", 0, "what to do, as an earlier run printed it (default: another each time)")
	flag.Parse()
	if o.checkpoint == 0 {
		o.checkpoint = o.duration / 6
	}
	if o.seed == 0 {
		o.seed = rand.Uint64()
	}
	if o.objects < 10*world.Namespaces || o.rate < 1 || o.checkpoint <= 0 || flag.NArg() > 0 {
		return o, fmt.Errorf("--objects is %d or more, --rate 1 or more, --duration above 0, and there are no arguments", 10*world.Namespaces)
	}
	return o, nil
}

func run(ctx context.Context) error {
	o, err := parse()
	if err != nil {
		return err
	}
	fmt.Printf("Seed %d: %d objects for %s, a checkpoint every %s\n", o.seed, o.objects, o.duration, o.checkpoint)
	dir, err := os.MkdirTemp("", "secretgate-soak-")
	if err != nil {
		return err
	}
	w, alive, err := world.Start(ctx, world.Options{Dir: dir, Interval: o.interval, NoAudit: true})
	if err != nil {
		return err
	}
	err = soak(alive, w, o)
	w.Close()
	if ctx.Err() != nil {
		return errors.Join(errors.New("interrupted"), w.Remove())
	}
	if err != nil {
		return fmt.Errorf("%w\nlogs: %s", err, filepath.Join(dir, "lab", "log"))
	}
	return w.Remove()
}
