package node

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"

	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/servers"
)

const (
	cniFolder = "/usr/lib/cni"
	// install says how to supply what is missing.
	install = "run `make cluster-packages` (apt-get), or install runc, nftables, iproute2 and the CNI plugins into " + cniFolder
)

// Build makes what Start needs and cannot make itself, since there is no network inside: the servers that the lab's cache lacks,
// and the image of pause. It finds out early what else this machine lacks.
func Build(ctx context.Context, options Options) error {
	if err := checkMachine(); err != nil {
		return err
	}
	options, err := options.complete()
	if err != nil {
		return err
	}
	if err := lab.Build(ctx, lab.Options{Root: options.Root, Progress: options.Progress}); err != nil {
		return err
	}
	if _, err := options.builder().BuildNode(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(options.Dir, 0o700); err != nil {
		return err
	}
	_, err = BuildImage(ctx, options.Root, "./tests/node/pause", options.Dir)
	return err
}

// builder finds the servers in the lab's cache.
func (o Options) builder() servers.Builder {
	return servers.Builder{
		Source:   filepath.Join(o.Root, "tests", "lab", "servers"),
		Cache:    filepath.Join(o.Root, ".cache", "lab"),
		Progress: o.Progress,
	}
}

var (
	errLinux = errors.New("a cluster needs Linux: its nodes are namespaces of the Linux kernel")
	errRoot  = errors.New("a cluster needs root, for its namespaces, network and containers: run this as root")
)

func checkMachine() error {
	if runtime.GOOS != "linux" {
		return errLinux
	}
	if os.Geteuid() != 0 {
		return errRoot
	}
	var missing []string
	for _, program := range []string{"runc", "nft", "ip", "nsenter"} {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, program)
		}
	}
	for _, plugin := range []string{"bridge", "host-local", "loopback"} {
		if _, err := os.Stat(filepath.Join(cniFolder, plugin)); err != nil {
			missing = append(missing, filepath.Join(cniFolder, plugin))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("a cluster needs %s: %s", strings.Join(missing, ", "), install)
	}
	return nil
}

// clean makes the folder anew. It names what it removes, since a user may point Dir at a folder of theirs.
func (c *Cluster) clean() error {
	for _, hidden := range []string{"/var/", "/run/"} {
		if strings.HasPrefix(c.options.Dir+"/", hidden) {
			return fmt.Errorf("the cluster's folder %s is below %s, which its mounts cover: choose another", c.options.Dir, hidden)
		}
	}
	var errs []error
	for _, name := range []string{"mounts", "log", "home"} {
		errs = append(errs, os.RemoveAll(c.dir(name)))
	}
	machines, _ := filepath.Glob(c.dir("node*"))
	for _, machine := range machines {
		errs = append(errs, os.RemoveAll(machine))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("what an earlier cluster left cannot be removed: %w", err)
	}
	for _, name := range []string{"mounts", "log", "home"} {
		if err := os.MkdirAll(c.dir(name), 0o700); err != nil {
			return fmt.Errorf("the cluster's folder cannot be made: %w", err)
		}
	}
	return nil
}

// writeCredentials makes the certificate that kubelets know the API server by, when it asks for logs.
func (c *Cluster) writeCredentials() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	config := cert.Config{CommonName: "kube-apiserver", Organization: []string{"system:masters"}}
	certificate, err := cert.NewSelfSignedCACert(config, key)
	if err != nil {
		return err
	}
	text, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return err
	}
	public, err := cert.EncodeCertificates(certificate)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(c.dir("kubelet-client.crt"), public, 0o600),
		os.WriteFile(c.dir("kubelet-client.key"), text, 0o600),
	)
}
