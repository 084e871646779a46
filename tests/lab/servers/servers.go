// Package servers builds the lab's servers from their Go modules, once, and keeps them.
//
// Each folder beside this file is a module of its own that pins one server and everything below it. They stand outside
// go.work, since their dependencies would otherwise raise the product's.
package servers

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
	// Half the time to compile, for a server that nobody measures.
	unoptimised = "all=-N -l -dwarf=false"
	// Without its version kubectl cannot parse what the API server says about itself.
	kubernetesVersion = "-X k8s.io/component-base/version.gitVersion=v1.36.3" +
		" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36"
)

// modules lists what there is to build, in the order of building.
func modules() []module {
	return []module{
		{
			folder: "kubernetes", version: "v1.36.3", ldflags: strip + " " + kubernetesVersion,
			programs: []program{
				{"etcd", "go.etcd.io/etcd/server/v3"},
				{"kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"},
				{"kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"},
				{"kubectl", "k8s.io/kubernetes/cmd/kubectl"},
			},
		},
		{
			// Without the user interface, which is not in the module, and without the plugins that the lab does not use.
			folder: "vault", version: "v1.21.0", gcflags: unoptimised, ldflags: strip, tags: "minimal",
			programs: []program{{"vault", "github.com/hashicorp/vault"}},
		},
		{
			// A package of ours around the plugin: see its main.go.
			folder: "vaultauth", version: "v0.23.1", gcflags: unoptimised, ldflags: strip,
			programs: []program{{"vault-plugin-auth-kubernetes", "."}},
		},
	}
}

// Set says where the built servers are.
type Set struct {
	// Kubernetes is the folder of kubectl, etcd, kube-apiserver and kube-controller-manager.
	Kubernetes string
	// Etcd, APIServer, ControllerManager, Kubectl and Vault are programs.
	Etcd, APIServer, ControllerManager, Kubectl, Vault string
	// VaultPlugins is a folder that holds nothing but Vault's plugins.
	VaultPlugins string
}
