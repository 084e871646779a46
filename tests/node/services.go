package node

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/secretgate/secretgate/tests/images"
)

// Users that the API server knows by these names.
const (
	scheduler = "system:kube-scheduler"
	proxy     = "system:kube-proxy"
)

const pauseImage = "secretgate.test/pause:lab"

func (c *Cluster) pauseArchive() string { return c.dir("pause.tar") }

// Platform is what nodes run.
func Platform() v1.Platform { return v1.Platform{OS: "linux", Architecture: runtime.GOARCH} }

// BuildImage makes the archive dir/NAME.tar of the image secretgate.test/NAME:lab from a program of this checkout.
func BuildImage(ctx context.Context, root, pkg, dir string) (archive string, err error) {
	name := filepath.Base(pkg)
	program := filepath.Join(dir, name+".program")
	// Not for others, so it may be compiled as everything else here is.
	source := images.Source{Root: root, Package: pkg, Shared: true}
	if err := source.Compile(ctx, Platform(), program); err != nil {
		return "", err
	}
	image, err := images.Program{Name: name, Path: program, Platform: Platform()}.Image()
	if err != nil {
		return "", err
	}
	_, err = images.Save(filepath.Join(dir, name), "secretgate.test/"+name+":lab", []v1.Image{image})
	return filepath.Join(dir, name+".tar"), err
}

// startServices starts what a cluster has once: its scheduler, its DNS, and the proxy that makes Services, which is one for all
// nodes, since they share a network.
func (c *Cluster) startServices(ctx context.Context) error {
	kubeconfigs := map[string]string{}
	for _, user := range []string{scheduler, proxy} {
		path, err := c.UserKubeconfig(user)
		if err != nil {
			return err
		}
		kubeconfigs[user] = path
	}
	files := map[string]string{"proxy.yaml": c.dir("proxy.yaml"), "Corefile": c.dir("Corefile")}
	values := map[string]string{
		"Address": Address, "PodRange": podRange, "Node": nodeName(1), "ProxyKubeconfig": kubeconfigs[proxy], "Kubeconfig": c.Kubeconfig,
	}
	for source, target := range files {
		if err := render(source, target, values); err != nil {
			return err
		}
	}
	if _, err := c.run("kube-scheduler", c.servers.Scheduler,
		"--kubeconfig="+kubeconfigs[scheduler], "--leader-elect=false", "--bind-address=127.0.0.1"); err != nil {
		return err
	}
	if _, err := c.run("kube-proxy", c.servers.Proxy, "--config="+c.dir("proxy.yaml")); err != nil {
		return err
	}
	dns, err := c.run("coredns", c.servers.CoreDNS, "-conf", c.dir("Corefile"))
	if err != nil {
		return err
	}
	return dns.Await(ctx, startTimeout, resolves)
}

// resolves asks the cluster's DNS for the API server's Service.
func resolves(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(Address, "53"))
	}}
	found, err := resolver.LookupHost(ctx, "kubernetes.default.svc.cluster.local.")
	if err != nil {
		return err
	}
	if len(found) != 1 || found[0] != serviceIP {
		return fmt.Errorf("the DNS answers %v for the API server's Service, not %s", found, serviceIP)
	}
	return nil
}
