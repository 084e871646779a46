// Package node brings up a real Kubernetes cluster on one Linux machine, without a container engine: the lab of tests/lab as its
// control plane, and nodes of kubelet, containerd and runc, with kube-proxy and CoreDNS, all in namespaces of their own.
package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/balancer"
	"github.com/secretgate/secretgate/tests/lab/process"
	"github.com/secretgate/secretgate/tests/lab/servers"
)

// Options say what cluster to start. Dir is required.
type Options struct {
	// Dir is the folder of state and logs; what an earlier cluster left there is removed. It cannot lie below /var or /run.
	Dir string
	// Root is the checkout; empty means the one that the working directory is in.
	Root string
	// Nodes is their number; 0 means one.
	Nodes int
	// Images are archives that every node has from the start.
	Images []string
	// Progress receives a line per step; nil throws them away.
	Progress io.Writer
}

// Ports of what pods and nodes reach at Address.
const (
	vaultPort    = "8200"
	cloudsPort   = "8000"
	registryPort = "5000"
)

// Registry is where nodes find a registry that a test runs: its host as images' names have it. They speak HTTP to it, without TLS.
const Registry = Address + ":" + registryPort

// Cluster is a running cluster.
type Cluster struct {
	// Lab is the control plane, Vault and the clouds.
	*lab.Lab
	// VaultURL and CloudsURL are where pods find Vault and the emulated clouds.
	VaultURL, CloudsURL string

	options Options
	servers servers.NodeSet

	mu    sync.Mutex
	stops []func()
}

// startTimeout is generous: a start takes ten seconds, on a machine that is busy with builds minutes.
const startTimeout = 5 * time.Minute

// Start brings a cluster up in the namespaces that this process is in, after Build and Isolate.
func Start(ctx context.Context, options Options) (*Cluster, error) {
	if !Inside() {
		return nil, errors.New("a cluster must have namespaces of its own: call Isolate")
	}
	options, err := options.complete()
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		options:  options,
		VaultURL: "http://" + net.JoinHostPort(Address, vaultPort), CloudsURL: "http://" + net.JoinHostPort(Address, cloudsPort),
	}
	if err := c.bringUp(ctx); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

// complete fills in the defaults.
func (o Options) complete() (Options, error) {
	var err error
	if o.Root == "" {
		if o.Root, err = lab.FindRoot(); err != nil {
			return o, err
		}
	}
	o.Nodes = max(o.Nodes, 1)
	o.Dir, err = filepath.Abs(o.Dir)
	return o, err
}

func (c *Cluster) bringUp(ctx context.Context) error {
	var err error
	if c.servers, err = c.options.builder().BuildNode(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("the cluster was not up after %s", startTimeout))
	defer cancel()
	begin := time.Now()
	if err := c.prepare(ctx); err != nil {
		return err
	}
	if c.Lab, err = lab.Start(ctx, c.controlPlane()); err != nil {
		return err
	}
	c.onStop(c.Lab.Stop)
	if err := c.expose(); err != nil {
		return err
	}
	c.say("Starting %d node(s)", c.options.Nodes)
	nodes, ctx := errgroup.WithContext(ctx)
	nodes.Go(func() error { return c.startServices(ctx) })
	for n := range c.options.Nodes {
		nodes.Go(func() error { return c.newMachine(n + 1).start(ctx) })
	}
	if err := nodes.Wait(); err != nil {
		return err
	}
	c.say("The cluster is up (%s)", time.Since(begin).Round(100*time.Millisecond))
	return nil
}

// prepare makes the folder anew and isolates this process from the machine.
func (c *Cluster) prepare(ctx context.Context) error {
	if err := c.clean(); err != nil {
		return err
	}
	if err := isolateMounts(c.dir("mounts")); err != nil {
		return fmt.Errorf("the cluster's file systems cannot be mounted: %w", err)
	}
	if err := isolateNetwork(ctx, c.options.Nodes); err != nil {
		return fmt.Errorf("the cluster's network cannot be made: %w", err)
	}
	return c.writeCredentials()
}

// controlPlane is the lab, made known to nodes and pods.
func (c *Cluster) controlPlane() lab.Options {
	plane := lab.Cluster{
		Addresses: []net.IP{net.ParseIP(Address), net.ParseIP(serviceIP)},
		Users:     map[string]string{scheduler: scheduler, proxy: proxy},
	}
	for n := range c.options.Nodes {
		plane.Users[nodeUser(n+1)] = "system:nodes"
	}
	return lab.Options{
		Dir: c.dir("lab"), Root: c.options.Root, Progress: c.options.Progress, Cluster: &plane,
		APIServerArgs: []string{
			"--bind-address=0.0.0.0", "--advertise-address=" + Address, "--endpoint-reconciler-type=lease",
			"--service-cluster-ip-range=" + serviceRange,
			"--authorization-mode=Node", "--enable-admission-plugins=NodeRestriction",
			"--kubelet-client-certificate=" + c.dir("kubelet-client.crt"), "--kubelet-client-key=" + c.dir("kubelet-client.key"),
			"--kubelet-preferred-address-types=InternalIP",
		},
	}
}

// expose gives pods a way to what listens on loopback.
func (c *Cluster) expose() error {
	for port, backend := range map[string]string{vaultPort: c.VaultAddr, cloudsPort: c.Lab.CloudsURL} {
		door, err := balancer.ListenAt(net.JoinHostPort(Address, port), strings.TrimPrefix(backend, "http://"))
		if err != nil {
			return err
		}
		c.onStop(door.Close)
	}
	return nil
}

// Stop ends everything, in the reverse order of its start. The logs stay.
func (c *Cluster) Stop() {
	c.mu.Lock()
	stops := c.stops
	c.stops = nil
	c.mu.Unlock()
	for _, stop := range slices.Backward(stops) {
		stop()
	}
}

func (c *Cluster) onStop(stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stops = append(c.stops, stop)
}

// run starts a server that lives until Stop.
func (c *Cluster) run(name, path string, args ...string) (*process.Process, error) {
	p, err := process.Start(process.Command{
		Name: name, Path: path, Args: args, Log: c.dir("log", name+".log"),
		Env: []string{
			"PATH=" + c.servers.Containerd + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"HOME=" + c.dir("home"), "TMPDIR=" + os.TempDir(),
		},
	})
	if err != nil {
		return nil, err
	}
	c.onStop(p.Stop)
	return p, nil
}

func (c *Cluster) dir(names ...string) string {
	return filepath.Join(append([]string{c.options.Dir}, names...)...)
}

func (c *Cluster) say(format string, args ...any) {
	if c.options.Progress != nil {
		_, _ = fmt.Fprintf(c.options.Progress, format+"\n", args...)
	}
}

// WriteEnv writes shell assignments for those who enter the cluster.
func (c *Cluster) WriteEnv(file string) error {
	return lab.WriteVariables(file, append(c.Env(),
		lab.Variable{Name: "POD_VAULT_ADDR", Value: c.VaultURL}, lab.Variable{Name: "POD_CLOUDS_URL", Value: c.CloudsURL}))
}
