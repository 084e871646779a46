package node

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"text/template"
)

// configs are the configuration files of a node's servers, written as templates of what differs.
//
//go:embed config
var configs embed.FS

// machine is one node: its kubelet, its container runtime, and the folders of both.
type machine struct {
	cluster *Cluster
	number  int

	// What the templates name.
	Name, Dir, Address, PodSubnet, Bridge, Socket, RunDir, CNIDir, CNIPlugins, Cgroup, ClientCA, DNS, Pause string
	Registries, Registry                                                                                    string
}

func nodeName(n int) string { return fmt.Sprintf("node%d", n) }
func nodeUser(n int) string { return "system:node:" + nodeName(n) }

func (c *Cluster) newMachine(n int) *machine {
	name := nodeName(n)
	return &machine{
		cluster: c, number: n,
		Name: name, Dir: c.dir(name), Address: nodeAddress(n), PodSubnet: podSubnet(n), Bridge: fmt.Sprintf("pods%d", n),
		// The path of a socket must be short.
		RunDir: "/run/" + name, Socket: "/run/" + name + "/containerd.sock",
		CNIDir: c.dir(name, "cni"), CNIPlugins: cniFolder, ClientCA: c.dir("kubelet-client.crt"), DNS: Address, Pause: pauseImage,
		Registries: c.dir(name, "registries"), Registry: Registry,
	}
}

// start brings the node up and waits until pods can run on it.
func (m *machine) start(ctx context.Context) error {
	var err error
	if m.Cgroup, err = makeCgroup(m.Name); err != nil {
		return fmt.Errorf("%s: its control group cannot be made: %w", m.Name, err)
	}
	files := map[string]string{
		"containerd.toml": m.file("containerd.toml"),
		"kubelet.yaml":    m.file("kubelet.yaml"),
		"bridge.conflist": m.file("cni", "10-bridge.conflist"),
		"resolv.conf":     m.file("resolv.conf"),
		"hosts.toml":      filepath.Join(m.Registries, Registry, "hosts.toml"),
	}
	for source, target := range files {
		if err := render(source, target, m); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	if err := m.startContainerd(ctx); err != nil {
		return err
	}
	if err := m.importImages(ctx); err != nil {
		return err
	}
	return m.startKubelet(ctx)
}

func (m *machine) file(names ...string) string {
	return filepath.Join(append([]string{m.Dir}, names...)...)
}

func (m *machine) startContainerd(ctx context.Context) error {
	if err := os.MkdirAll(m.RunDir, 0o700); err != nil {
		return err
	}
	c := m.cluster
	p, err := c.run("containerd-"+m.Name, filepath.Join(c.servers.Containerd, "containerd"), "--config="+m.file("containerd.toml"))
	if err != nil {
		return err
	}
	return p.Await(ctx, startTimeout, func(ctx context.Context) error { return m.ctr(ctx, "version") })
}

// importImages gives the node what no registry serves: its pods' pause, and whatever the cluster was started with.
func (m *machine) importImages(ctx context.Context) error {
	for _, archive := range append([]string{m.cluster.pauseArchive()}, m.cluster.options.Images...) {
		if err := m.ctr(ctx, "--namespace=k8s.io", "images", "import", archive); err != nil {
			return fmt.Errorf("%s cannot be imported: %w", archive, err)
		}
	}
	return nil
}

func (m *machine) ctr(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(m.cluster.servers.Containerd, "ctr"), append([]string{"--address=" + m.Socket}, args...)...)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ctr: %w: %s", err, bytes.TrimSpace(said))
	}
	return nil
}

func (m *machine) startKubelet(ctx context.Context) error {
	c := m.cluster
	kubeconfig, err := c.UserKubeconfig(nodeUser(m.number))
	if err != nil {
		return err
	}
	p, err := c.run("kubelet-"+m.Name, c.servers.Kubelet,
		"--config="+m.file("kubelet.yaml"), "--kubeconfig="+kubeconfig, "--hostname-override="+m.Name,
		"--node-ip="+m.Address, "--root-dir="+m.file("kubelet"), "--cert-dir="+m.file("kubelet-certificates"))
	if err != nil {
		return err
	}
	return p.Await(ctx, startTimeout, func(ctx context.Context) error {
		_, said, err := c.Kubectl(ctx, nil, "wait", "--for=condition=Ready", "--timeout=1s", "node/"+m.Name)
		if err != nil {
			return fmt.Errorf("%w: %s", err, said)
		}
		return nil
	})
}

// render writes a configuration file.
func render(source, target string, values any) error {
	text, err := template.ParseFS(configs, "config/"+source)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := text.Execute(&out, values); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return err
	}
	return os.WriteFile(target, out.Bytes(), 0o600)
}
