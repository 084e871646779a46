package lab

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"

	"github.com/hashicorp/vault/api"

	"github.com/secretgate/secretgate/tests/lab/process"
)

const (
	// VaultRole is the role of the syncer in both mounts of kubernetes auth, the one that KES's documents use.
	VaultRole = "my-vault-role"
	// VaultPolicy is what VaultRole may: read everything below secret/ and kv1/.
	VaultPolicy = "lab-reader"
)

// VaultMounts are the mounts of kubernetes auth: the usual one, and the one of KES's documents.
func VaultMounts() []string { return []string{"kubernetes", "my-kubernetes-vault-mount-point"} }

// Vault is a client with every right, which an outage does not concern.
func (l *Lab) Vault() *api.Client { return l.vault }

// VaultOutage makes Vault unreachable at VaultAddr (connections are reset), or reachable again.
func (l *Lab) VaultOutage(on bool) {
	if on {
		l.VaultBalancer.Cut()
		return
	}
	l.VaultBalancer.Set(l.vaultBackend)
}

// startVault starts Vault behind its balancer.
func (l *Lab) startVault(ctx context.Context) error {
	// Vault prints the token that it starts with. So that no log holds one that works, another takes its place.
	printed := rand.Text()
	p, err := l.runVault(ctx, printed)
	if err != nil {
		return err
	}
	if l.vault, err = vaultClient("http://"+l.vaultBackend, printed); err != nil {
		return err
	}
	if err := l.replaceRootToken(ctx); err != nil {
		return fmt.Errorf("vault's root token cannot be replaced: %w", err)
	}
	l.VaultBalancer.Set(l.vaultBackend)
	// The engine of the second version answers with errors until it has upgraded itself.
	return p.Await(ctx, startTimeout, func(ctx context.Context) error {
		_, err := l.vault.Logical().ReadWithContext(ctx, "secret/config")
		return err
	})
}

// runVault starts Vault, whose development mode keeps everything in memory.
func (l *Lab) runVault(ctx context.Context, token string) (*process.Process, error) {
	port, err := l.ports.take(2) // Vault listens on the next one, too
	if err != nil {
		return nil, err
	}
	l.VaultBin = filepath.Dir(l.servers.Vault)
	l.vaultBackend = loopback(port)
	args := []string{"server", "-dev", "-dev-no-store-token", "-dev-listen-address=" + l.vaultBackend, "-log-level=info"}
	if folder := l.servers.VaultPlugins; folder != "" {
		// Vault refuses a plugin whose real path is not in its folder.
		if folder, err = filepath.EvalSymlinks(folder); err != nil {
			return nil, err
		}
		args = append(args, "-dev-plugin-dir="+folder)
	}
	p, err := l.run(process.Command{
		Name: "vault", Path: l.servers.Vault, Env: l.environment("VAULT_DEV_ROOT_TOKEN_ID=" + token), Args: args,
	})
	if err != nil {
		return nil, err
	}
	err = p.Await(ctx, startTimeout, get(http.DefaultClient, "http://"+l.vaultBackend+"/v1/sys/health", ""))
	return p, err
}

// vaultClient ignores what the environment says about other Vaults.
func vaultClient(address, token string) (*api.Client, error) {
	config := api.DefaultConfig()
	if config.Error != nil {
		return nil, fmt.Errorf("vault's client finds a mistake in a VAULT_ variable of the environment: %w", config.Error)
	}
	config.Address, config.AgentAddress = address, ""
	client, err := api.NewClient(config)
	if err != nil {
		return nil, err
	}
	client.ClearNamespace()
	client.SetToken(token)
	return client, nil
}

func (l *Lab) replaceRootToken(ctx context.Context) error {
	created, err := l.vault.Auth().Token().CreateOrphanWithContext(ctx, &api.TokenCreateRequest{Policies: []string{"root"}})
	if err != nil {
		return err
	}
	if err := l.vault.Auth().Token().RevokeSelfWithContext(ctx, ""); err != nil {
		return err
	}
	l.VaultToken = created.Auth.ClientToken
	l.vault.SetToken(l.VaultToken)
	return nil
}

// reviewer is the ServiceAccount whose token Vault asks the API server with, about the tokens of those who log in.
const reviewer = `
apiVersion: v1
kind: Namespace
metadata:
  name: vault
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: vault-auth
  namespace: vault
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: vault-token-review
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: system:auth-delegator
subjects:
  - kind: ServiceAccount
    name: vault-auth
    namespace: vault
`

// connectVault sets Vault up as the documents of KES describe: secret engines of both versions, AppRole, and kubernetes
// auth, which reviews tokens at the lab's API server.
func (l *Lab) connectVault(ctx context.Context) error {
	if _, err := l.kubectl(ctx, reviewer, "apply", "--filename=-"); err != nil {
		return err
	}
	token, err := l.ServiceAccountToken(ctx, "vault", "vault-auth")
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(l.stateFile("ca.crt"))
	if err != nil {
		return err
	}
	config := map[string]any{
		"kubernetes_host":      l.APIServer,
		"kubernetes_ca_cert":   string(ca),
		"token_reviewer_jwt":   token,
		"disable_local_ca_jwt": true,
	}
	if err := l.configureVault(ctx, config); err != nil {
		return fmt.Errorf("vault cannot be set up: %w", err)
	}
	return nil
}

func (l *Lab) configureVault(ctx context.Context, kubernetes map[string]any) error {
	sys := l.vault.Sys()
	if err := sys.MountWithContext(ctx, "kv1", &api.MountInput{Type: "kv", Options: map[string]string{"version": "1"}}); err != nil {
		return err
	}
	if err := sys.EnableAuthWithOptionsWithContext(ctx, "approle", &api.EnableAuthOptions{Type: "approle"}); err != nil {
		return err
	}
	const rules = `
path "secret/*" { capabilities = ["read", "list"] }
path "kv1/*" { capabilities = ["read", "list"] }`
	if err := sys.PutPolicyWithContext(ctx, VaultPolicy, rules); err != nil {
		return err
	}
	role := map[string]any{
		"bound_service_account_names":      "syncer",
		"bound_service_account_namespaces": Namespace,
		"token_policies":                   VaultPolicy,
		"token_ttl":                        "1h",
	}
	plugin := &api.EnableAuthOptions{Type: "kubernetes"}
	if l.servers.VaultPlugins != "" {
		plugin.Type = "vault-plugin-auth-kubernetes"
	}
	for _, mount := range VaultMounts() {
		if err := sys.EnableAuthWithOptionsWithContext(ctx, mount, plugin); err != nil {
			return err
		}
		auth := path.Join("auth", mount)
		if _, err := l.vault.Logical().WriteWithContext(ctx, path.Join(auth, "config"), kubernetes); err != nil {
			return err
		}
		if _, err := l.vault.Logical().WriteWithContext(ctx, path.Join(auth, "role", VaultRole), role); err != nil {
			return err
		}
	}
	return nil
}
