// Command demo shows Secretgate's main job, step by step, on the lab: a real API server, a real Vault,
// and the secret managers of four clouds, which verify who asks. It ends by itself; DEMO_KEEP=1 leaves the lab running.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/secretgate/secretgate/tests/lab"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
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
	args := []string{"up", "--syncer-arg=--refresh-interval=2s"}
	// SecretDefinitions are off by default, and have a login of their own.
	for _, flag := range []string{
		"--secret-definitions", "--vault.auth-method=kubernetes", "--vault.kubernetes-role=" + lab.VaultRole, "--reconcile-period=2s",
	} {
		args = append(args, "--syncer-arg="+flag)
	}
	if err := command(ctx, root, args...); err != nil {
		return err
	}
	keep := os.Getenv("DEMO_KEEP") == "1"
	err = show(ctx, dir)
	switch {
	case err == nil && keep:
		fmt.Printf("\nThe lab stays up; make lab-down stops it. To look around:\n"+
			"  set -a; . %s/env; PATH=$LAB_BIN:$PATH; kubectl get externalsecrets.kubernetes-client.io -A\n", dir)
		return nil
	case err != nil:
		fmt.Fprintf(os.Stderr, "demo: a step failed; the logs stay in %s\n", filepath.Join(dir, "log"))
	}
	// Also when interrupted: nothing may be left running.
	if downErr := command(context.WithoutCancel(ctx), root, "down"); downErr != nil {
		return errors.Join(err, downErr)
	}
	if err == nil {
		fmt.Printf("\nDone in %s. Nothing is left running.\n", time.Since(begin).Round(time.Second))
	}
	return err
}

// command runs the lab's own program.
func command(ctx context.Context, root string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"run", "./lab/cmd/lab"}, args...)...)
	cmd.Dir = filepath.Join(root, "tests")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the lab's command %q failed: %w", args[0], err)
	}
	return nil
}
