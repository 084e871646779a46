package servers

import (
	"context"
	"path/filepath"
)

// nodeModules lists what a node needs beside the control plane. The parts of Kubernetes come from the module that the control
// plane is built from.
func nodeModules() []module {
	const containerd = "github.com/containerd/containerd/v2/"
	return []module{
		kubernetes("kubernetes", Newest,
			program{"kubelet", "k8s.io/kubernetes/cmd/kubelet"},
			program{"kube-proxy", "k8s.io/kubernetes/cmd/kube-proxy"},
			program{"kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"}),
		{
			folder: "containerd", version: "v2.3.7", ldflags: strip + " -X " + containerd + "version.Version=v2.3.7",
			programs: []program{
				{"containerd", containerd + "cmd/containerd"},
				{"containerd-shim-runc-v2", containerd + "cmd/containerd-shim-runc-v2"},
				{"ctr", containerd + "cmd/ctr"},
			},
		},
		{
			// A package of ours around the few plugins that are needed.
			folder: "coredns", version: "v1.15.0", ldflags: strip,
			programs: []program{{"coredns", "."}},
		},
	}
}

// NodeSet says where the built servers of a node are.
type NodeSet struct {
	// Kubelet, Proxy, Scheduler and CoreDNS are programs.
	Kubelet, Proxy, Scheduler, CoreDNS string
	// Containerd is the folder of containerd, its shim and ctr.
	Containerd string
}

// BuildNode is Build for the servers of a node: minutes, where those of the control plane are built.
func (b Builder) BuildNode(ctx context.Context) (NodeSet, error) {
	var wanted []string
	for _, m := range nodeModules() {
		for _, p := range m.programs {
			wanted = append(wanted, p.name)
		}
	}
	at, err := b.buildAll(ctx, nodeModules(), wanted)
	if err != nil {
		return NodeSet{}, err
	}
	return NodeSet{
		Kubelet:    at["kubelet"],
		Proxy:      at["kube-proxy"],
		Scheduler:  at["kube-scheduler"],
		CoreDNS:    at["coredns"],
		Containerd: filepath.Dir(at["containerd"]),
	}, nil
}
