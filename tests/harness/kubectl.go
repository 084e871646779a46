// Package harness is how tests and programs use a cluster: they run kubectl, apply manifests, wait until something holds, and read
// what objects and services report. It knows no API of ours, so that objects of every dialect are read alike. Its functions take a
// context and return errors; those that take a testing.TB end the test instead.
package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Kubectl runs kubectl as a cluster's admin: the method of that name of a lab is one, and Program makes one. A
// "--kubeconfig=F" among args makes it another user. The error is kubectl's exit; what it said is in stderr.
type Kubectl func(ctx context.Context, stdin io.Reader, args ...string) (stdout, stderr string, err error)

// Program is a kubectl by its path, for a cluster that another process runs.
func Program(path, kubeconfig string) Kubectl {
	return func(ctx context.Context, stdin io.Reader, args ...string) (stdout, stderr string, err error) {
		var out, said bytes.Buffer
		cmd := exec.CommandContext(ctx, path, args...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &said
		cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "KUBERC=off") // no preferences of the user who runs it
		cmd.WaitDelay = time.Second
		err = cmd.Run()
		return out.String(), said.String(), err
	}
}

// Stdin is a kubectl that reads a text, most often a manifest, on its standard input.
func (k Kubectl) Stdin(text string) Kubectl {
	return func(ctx context.Context, _ io.Reader, args ...string) (stdout, stderr string, err error) {
		return k(ctx, strings.NewReader(text), args...)
	}
}

// Run returns what kubectl prints on its standard output. The error is what it says of a failure, in its own words.
func (k Kubectl) Run(ctx context.Context, args ...string) (stdout string, err error) {
	stdout, _, err = k.run(ctx, args)
	return stdout, err
}

// Show returns all that a user would see: warnings and errors, then the output. The error is that of Run.
func (k Kubectl) Show(ctx context.Context, args ...string) (said string, err error) {
	stdout, stderr, err := k.run(ctx, args)
	return stderr + stdout, err
}

// Read decodes the JSON of what kubectl gets.
func (k Kubectl) Read(ctx context.Context, into any, args ...string) error {
	text, err := k.Run(ctx, append([]string{"get", "--output=json"}, args...)...)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), into)
}

// Must is Run for what is not the test's subject.
func (k Kubectl) Must(t testing.TB, args ...string) (stdout string) {
	t.Helper()
	stdout, err := k.Run(t.Context(), args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v", strings.Join(args, " "), err)
	}
	return stdout
}

func (k Kubectl) run(ctx context.Context, args []string) (stdout, stderr string, err error) {
	stdout, stderr, err = k(ctx, nil, args...)
	if err == nil {
		return stdout, stderr, nil
	}
	if said := strings.TrimSpace(stderr); said != "" {
		return stdout, stderr, errors.New(said)
	}
	return stdout, stderr, fmt.Errorf("kubectl said nothing: %w", err)
}
