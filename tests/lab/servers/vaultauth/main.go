// Command vault-plugin-auth-kubernetes is Vault's kubernetes auth method, as its module's own command serves it, with one
// addition: it ends with Vault. A plugin is a grandchild of the lab, which a death signal does not reach, and would
// otherwise outlive a Vault that is killed.
package main

import (
	"fmt"
	"os"
	"time"

	kubeauth "github.com/hashicorp/vault-plugin-auth-kubernetes"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/sdk/plugin"
)

func main() {
	go endWithParent(os.Getppid())
	if err := serve(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "the kubernetes auth plugin ends: %v\n", err)
		os.Exit(1)
	}
}

func serve(args []string) error {
	meta := &api.PluginAPIClientMeta{}
	if err := meta.FlagSet().Parse(args); err != nil {
		return err
	}
	return plugin.ServeMultiplex(&plugin.ServeOpts{
		BackendFactoryFunc: kubeauth.Factory,
		TLSProviderFunc:    api.VaultPluginTLSProvider(meta.GetTLSConfig()),
	})
}

// endWithParent asks who the parent is, since an orphan is given another one.
func endWithParent(parent int) {
	for range time.Tick(500 * time.Millisecond) {
		if os.Getppid() != parent {
			os.Exit(0)
		}
	}
}
