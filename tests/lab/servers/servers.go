// Package servers builds the lab's servers from their Go modules, once, and keeps them.
//
// Each folder beside this file is a module of its own that pins one server and everything below it. They stand outside
// go.work, since their dependencies would otherwise raise the product's.
package servers

import "strings"

// module is one folder of pinned servers.
type module struct {
	folder  string
	version string // for people: the folder of the built servers carries it
	tags    string
	gcflags string
	ldflags string
	// programs maps the name of a binary to its package.
	programs []program
}

type program struct{ name, pkg string }

const (
	strip = "-s -w"
	// Half the time to compile, for a server that is not measured.
	unoptimised = "all=-N -l -dwarf=false"
)

// Versions of Kubernetes: the one that the lab runs, and the oldest that Secretgate supports.
const (
	Newest = "v1.37.2"
	Oldest = "v1.30.14"
)

// Vault is the version of Vault. The later ones of 1.21 do not build with the sdk that their module asks for, v0.21.0.
const Vault = "v1.21.2"

// kubernetes is a version's module. Without that in its programs kubectl cannot parse what the API server says about itself.
func kubernetes(folder, version string, programs ...program) module {
	const variable = " -X k8s.io/component-base/version."
	number := strings.Split(strings.TrimPrefix(version, "v"), ".")
	return module{
		folder: folder, version: version, programs: programs,
		ldflags: strip + variable + "gitVersion=" + version + variable + "gitMajor=" + number[0] + variable + "gitMinor=" + number[1],
	}
}

// modules lists what there is to build, in the order of building.
func modules() []module {
	return []module{
		kubernetes("kubernetes", Newest,
			program{"etcd", "go.etcd.io/etcd/server/v3"},
			program{"kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"},
			program{"kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"},
			program{"kubectl", "k8s.io/kubernetes/cmd/kubectl"}),
		{
			// Without the user interface, which is not in the module, and without the plugins that the lab does not use.
			folder: "vault", version: Vault, gcflags: unoptimised, ldflags: strip, tags: "minimal",
			programs: []program{{"vault", "github.com/hashicorp/vault"}},
		},
		{
			// A package of ours around the plugin: see its main.go.
			folder: "vaultauth", version: "v0.23.1", gcflags: unoptimised, ldflags: strip,
			programs: []program{{"vault-plugin-auth-kubernetes", "."}},
		},
	}
}

// oldestModules lists what there is to build beside modules where the oldest Kubernetes is to run. It shares the newest's etcd.
func oldestModules() []module {
	return []module{kubernetes("kubernetes-oldest", Oldest,
		program{"kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"},
		program{"kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"},
		program{"kubectl", "k8s.io/kubernetes/cmd/kubectl"})}
}

// Set says where the built servers are.
type Set struct {
	// Kubernetes is the folder of kubectl, kube-apiserver and kube-controller-manager.
	Kubernetes string
	// Etcd, APIServer, ControllerManager, Kubectl and Vault are programs.
	Etcd, APIServer, ControllerManager, Kubectl, Vault string
	// VaultPlugins is a folder that holds nothing but Vault's plugins.
	VaultPlugins string
}
