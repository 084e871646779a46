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
	// Vault without most of its plugins, kubernetes auth among them.
	minimal = "minimal"
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

// controlPlane lists the modules of the control plane. Etcd is the newest's with the oldest Kubernetes, too.
func controlPlane(oldest bool) []module {
	programs := []program{
		{etcd, "go.etcd.io/etcd/server/v3"},
		{apiServer, "k8s.io/kubernetes/cmd/kube-apiserver"},
		{controllerManager, "k8s.io/kubernetes/cmd/kube-controller-manager"},
		{kubectl, "k8s.io/kubernetes/cmd/kubectl"},
	}
	newest := kubernetes("kubernetes", Newest, programs...)
	if !oldest {
		return []module{newest}
	}
	return []module{newest, kubernetes("kubernetes-oldest", Oldest, programs[1:]...)}
}

// vaultModules lists the modules of Vault.
func vaultModules() []module {
	return []module{
		{
			// Without the user interface, which is not in the module, and without the plugins that the lab does not use.
			folder: "vault", version: Vault, gcflags: unoptimised, ldflags: strip, tags: minimal,
			programs: []program{{vault, "github.com/hashicorp/vault"}},
		},
		{
			// A package of ours around the plugin: see its main.go.
			folder: "vaultauth", version: "v0.23.1", gcflags: unoptimised, ldflags: strip,
			programs: []program{{vaultPlugin, "."}},
		},
	}
}

// The names of the lab's servers.
const (
	etcd              = "etcd"
	apiServer         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	kubectl           = "kubectl"
	vault             = "vault"
	vaultPlugin       = "vault-plugin-auth-kubernetes"
)

// Set says where all servers of a lab are.
type Set struct {
	ControlPlane
	VaultSet
}

// ControlPlane says where the programs of Kubernetes are.
type ControlPlane struct {
	// ControllerManager is empty where there is none to run.
	Etcd, APIServer, ControllerManager, Kubectl string
}

// VaultSet says where Vault is.
type VaultSet struct {
	Vault string
	// VaultPlugins is a folder that holds nothing but the plugin of kubernetes auth; empty where Vault itself has it.
	VaultPlugins string
}
