// Package cluster tests what only a real cluster shows: the images as pods, installed by the overlays that users apply.
package cluster

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/node"
)

// theCluster is the cluster of all tests of this package, which run one after the other.
var theCluster *node.Cluster

// kubectl is that of the cluster's admin.
var kubectl harness.Kubectl

var archives = flag.String("images", "", "folder of webhook.tar and syncer.tar (default bin/images in the checkout)")

// dirVariable tells the process inside the cluster's namespaces where the one outside has put what it built.
const dirVariable = "SECRETGATE_TEST_CLUSTER_DIR"

func TestMain(m *testing.M) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := run(ctx, m)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "these tests cannot run here:", err)
		code = 1
	}
	os.Exit(code)
}

// run starts this program again inside of a cluster's namespaces, where the tests are.
func run(ctx context.Context, m *testing.M) (int, error) {
	flag.Parse()
	if err := findImages(); err != nil {
		return 0, err
	}
	dir := os.Getenv(dirVariable)
	if dir != "" && !node.Inside() {
		return node.Isolate()
	}
	if dir != "" {
		return runInside(ctx, m, dir)
	}
	dir, err := os.MkdirTemp("", "secretgate-cluster-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := prepare(ctx, dir); err != nil {
		return 0, err
	}
	if err := os.Setenv(dirVariable, dir); err != nil {
		return 0, err
	}
	return node.Isolate()
}

// prepare builds all that needs the network, which the cluster does not have.
func prepare(ctx context.Context, dir string) error {
	root, err := lab.FindRoot()
	if err != nil {
		return err
	}
	if err := node.Build(ctx, options(dir)); err != nil {
		return err
	}
	_, err = node.BuildImage(ctx, root, "./tests/node/reader", dir)
	return err
}

// findImages finds the images of the services, which are built beforehand.
func findImages() error {
	if *archives == "" {
		root, err := lab.FindRoot()
		if err != nil {
			return err
		}
		*archives = filepath.Join(root, "bin", "images")
	}
	for _, service := range []string{"webhook", "syncer"} {
		if _, err := os.Stat(filepath.Join(*archives, service+".tar")); err != nil {
			return fmt.Errorf("the image of %s is not built: %w: run make images", service, err)
		}
	}
	return nil
}

func options(dir string) node.Options {
	given := []string{
		filepath.Join(*archives, "webhook.tar"), filepath.Join(*archives, "syncer.tar"), filepath.Join(dir, "reader.tar"),
	}
	// Two nodes, so that one can be drained.
	return node.Options{Dir: dir, Nodes: 2, Images: given, Progress: os.Stderr}
}

func runInside(ctx context.Context, m *testing.M, dir string) (int, error) {
	var err error
	if theCluster, err = node.Start(ctx, options(dir)); err != nil {
		tail(dir)
		return 0, err
	}
	defer theCluster.Stop()
	kubectl = theCluster.Kubectl
	// Tests that are told to end do so at once: what they leave goes with the namespaces.
	defer context.AfterFunc(ctx, func() { os.Exit(1) })()
	code := m.Run()
	if code != 0 {
		tail(dir)
	}
	return code, nil
}
