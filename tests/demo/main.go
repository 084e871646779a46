// Command demo shows Secretgate's main job, step by step, on the lab: a real API server, a real Vault,
// and the secret managers of four clouds, which verify who asks. It ends by itself; DEMO_KEEP=1 leaves the lab running.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/progress"
	"github.com/secretgate/secretgate/tests/lab/supervisor"
)

// refresh is how often each object is refreshed here; the default is five minutes.
const refresh = 2 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	var err error
	if len(os.Args) == 2 && os.Args[1] == supervisor.Argument {
		err = supervisor.Run(ctx)
	} else {
		err = run(ctx)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	begin := time.Now()
	root, err := lab.FindRoot()
	if err != nil {
		return err
	}
	dir := filepath.Join(root, ".lab")
	if holder, err := lab.Holder(dir); err != nil || holder != 0 {
		return errors.Join(err, errors.New("a lab is up already: stop it with make lab-down, then start the demo again"))
	}
	screen := progress.NewScreen(os.Stdout)
	options := labOptions(root, dir)
	options.Progress = screen
	if err := options.UseFound(ctx, screen); err != nil {
		return err
	}
	process, err := supervisor.Start(options)
	if err != nil {
		return err
	}
	d := demo{dir: dir, begin: begin, screen: screen, lab: process}
	err = d.show(ctx)
	if err == nil && os.Getenv("DEMO_KEEP") == "1" {
		fmt.Print(next(root, true))
		return process.Release()
	}
	return d.end(ctx, root, err)
}

// labOptions are those of a lab that has all the demo needs, and nothing else.
func labOptions(root, dir string) lab.Options {
	options := lab.Options{Dir: dir, Root: root, Cache: filepath.Join(root, ".cache", "lab"), Services: true, Quick: true, LateVault: true}
	options.Syncer.Args = []string{
		"--refresh-interval=" + refresh.String(),
		// SecretDefinitions are off by default, and have a login of their own.
		"--secret-definitions", "--vault.auth-method=kubernetes", "--vault.kubernetes-role=" + lab.VaultRole,
		"--reconcile-period=" + refresh.String(),
	}
	return options
}

// end stops the lab, also where ctx has ended: nothing may be left running.
func (d *demo) end(ctx context.Context, root string, shown error) error {
	if err := d.lab.Stop(context.WithoutCancel(ctx)); err != nil {
		return errors.Join(shown, err)
	}
	switch took := time.Since(d.begin).Round(time.Second); {
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted after %s: nothing is left running", took)
	case shown != nil:
		return fmt.Errorf("%w\nNothing is left running; the logs are in %s", shown, filepath.Join(d.dir, "log"))
	default:
		fmt.Printf("%s\nDone in %s. Nothing is left running.\n", next(root, false), took)
		return nil
	}
}
