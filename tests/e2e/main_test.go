// Package e2e tests what users see, on a real API server with the real webhook and syncer.
package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// theLab is the lab of all tests of this package. Each test makes namespaces of its own in it.
var theLab *lab.Lab

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "secretgate-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	options := lab.Options{Dir: dir, Services: true, Progress: os.Stderr, Syncer: lab.Extra{Args: []string{"--refresh-interval=2s", "--min-refresh-interval=1s"}}}
	if options.APIServerArgs, err = audited(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if theLab, err = lab.Start(ctx, options); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer theLab.Stop()
	kubectl = theLab.Kubectl
	if apiServer, err = harness.NewClient(theLab.RESTConfig()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := plantCredentials(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := patchNamespaceWebhook(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	atOnce()
	code := m.Run()
	if found := leaks(); len(found) > 0 {
		fmt.Fprintf(os.Stderr, "planted values are in these logs and metrics: %s\n", strings.Join(found, ", "))
		return 1
	}
	return code
}

// atOnce lets more tests run at a time than there are processors, since they mostly wait.
func atOnce() {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		_ = flag.Set("test.parallel", "12")
	}
}
