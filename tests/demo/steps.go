package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/secretgate/secretgate/tests/lab/progress"
	"github.com/secretgate/secretgate/tests/lab/supervisor"
)

// step is one part of the demo.
type step struct {
	title string
	// vault says that it needs Vault, which may be built while those before are shown.
	vault bool
	run   func(context.Context, *world) error
}

// steps are the demo, in order: what needs the clouds alone comes before what needs Vault.
var steps = []step{
	{"The clouds hold secrets (values are random, and never shown)", false, storeInClouds},
	{"An ExternalSecret for AWS Secrets Manager is accepted", false, acceptAWS},
	{"So are those for AWS Parameter Store (a key and a path), Azure, Google and Alibaba", false, acceptOthers},
	{"A template makes a docker config of two entries", false, acceptTemplate},
	{"The Secrets exist: their entries, not their values", false, showSecrets},
	{"A manifest with deprecated fields is converted, with a warning", false, convertDeprecated},
	{"A namespace's policy rejects an apply, and says why", false, rejectApply},
	{"A rotation in AWS arrives in the Secret", false, rotateInAWS},
	{"An outage of AWS changes nothing, and the status says so", false, surviveOutage},
	{"Objects share their calls", false, shareCalls},
	{"An ExternalSecret for HashiCorp Vault is accepted", true, acceptVault},
	{"A SecretDefinition of tuenti's secrets-manager is served as it stands", true, acceptDefinition},
	{"A rotation in Vault arrives in the Secret", true, rotateInVault},
	{"No log holds a value", true, searchLogs},
}

// demo is one run of it.
type demo struct {
	dir    string
	begin  time.Time
	screen *progress.Screen
	lab    *supervisor.Supervisor
}

// show runs the steps as soon as the lab has what they need. While they are shown, what goes on beside them is not.
func (d *demo) show(ctx context.Context) error {
	if err := d.lab.AwaitLab(ctx); err != nil {
		return err
	}
	d.lab.ShowTo(nil)
	w, err := enter(d.dir)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(d.screen, "The first step begins after %s\n", time.Since(d.begin).Round(time.Second))
	for i, s := range steps {
		_, _ = fmt.Fprintf(d.screen, "\n=== %d/%d  %s\n", i+1, len(steps), s.title)
		if s.vault && w.vault == nil {
			if err := d.awaitVault(ctx, w); err != nil {
				return err
			}
		}
		if err := s.run(ctx, w); err != nil {
			return fmt.Errorf("step %d (%s) failed: %w", i+1, s.title, err)
		}
	}
	return nil
}

// awaitVault shows what the lab says of Vault, from what it said meanwhile.
func (d *demo) awaitVault(ctx context.Context, w *world) error {
	d.lab.ShowTo(d.screen)
	if err := d.lab.AwaitVault(ctx); err != nil {
		return err
	}
	return w.enterVault(d.dir)
}

// apply shows a manifest and applies it as a user would.
func (w *world) apply(ctx context.Context, names ...string) (string, error) {
	args := []string{"apply"}
	for _, name := range names {
		file := w.manifest(name)
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Printf("$ cat %s\n", filepath.Base(file))
		show(string(text))
		args = append(args, "-f", file)
	}
	return w.kubectl(ctx, args...)
}

// show indents what a command printed.
func show(text string) {
	for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		fmt.Print("  ", line)
	}
}
