package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/vault/api"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/cert"

	"github.com/secretgate/secretgate/shared/dialect/dialecttest/probe"
	probev1 "github.com/secretgate/secretgate/shared/dialect/dialecttest/probe/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/process"
)

// probeInstallation serves Probes, a dialect of tests alone whose objects read Vault through stores, beside what the lab serves. Its
// stores may name one server.
type probeInstallation struct {
	programs string        // the folder of its webhook and its syncer
	vault    *countedVault // the server
	own      *countedVault // the installation's own, which no store leads to
	syncer   *ownSyncer
	admits   string // host:port of its webhook
	ca       []byte // of that, in PEM
}

// installProbes starts both services before the cluster knows what a Probe is.
func installProbes(t *testing.T) *probeInstallation {
	t.Helper()
	p := &probeInstallation{programs: buildProbePrograms(t), vault: newCountedVault(t), own: newCountedVault(t)}
	id := strings.ToLower("probe-" + strings.ReplaceAll(path.Base(p.programs), "_", "-"))
	p.syncer = startSyncerOf(t, filepath.Join(p.programs, "syncer"), id,
		[]string{"--dialects=kes,probe", "--vault-servers=" + p.vault.URL, "--min-refresh-interval=1s"},
		"VAULT_ADDR="+p.own.URL, "AWS_SM_ENDPOINT="+theLab.AWSEndpoint)
	p.startWebhook(t, id+"-webhook")
	return p
}

// buildProbePrograms builds the webhook and the syncer that know the dialect.
func buildProbePrograms(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", folder+"/", "./probe/cmd/syncer", "./probe/cmd/webhook")
	build.Dir = filepath.Join(theLab.Root, "tests")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as make has it, whose cache this uses
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, said)
	}
	return folder
}

// startWebhook starts one with a certificate of its own, and waits until it is ready.
func (p *probeInstallation) startWebhook(t *testing.T, id string) {
	t.Helper()
	certificate, key, err := cert.GenerateSelfSignedCertKey("127.0.0.1", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, text := range map[string][]byte{"tls.crt": certificate, "tls.key": key, "ca.crt": certificate} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	port, health := freePort(t), freePort(t)
	p.admits, p.ca = "127.0.0.1:"+port, certificate
	command := process.Command{
		Name: id, Path: filepath.Join(p.programs, "webhook"), Log: theLab.LogFile(id), Env: []string{"PATH=" + os.Getenv("PATH")},
		Args: []string{
			"serve", "--kubeconfig=" + theLab.WebhookKubeconfig, "--dialects=probe", "--namespace=" + lab.Namespace, "--port=" + port,
			"--tls=files", "--cert-dir=" + folder, "--metrics-bind-address=0", "--health-probe-bind-address=127.0.0.1:" + health,
		},
	}
	webhook, err := process.Start(command)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(webhook.Stop)
	harness.Eventually(t, func() error {
		_, err := lab.Get(t.Context(), "http://127.0.0.1:"+health+"/readyz")
		return err
	})
}

// countedVault is a server that is the lab's Vault, and counts what it is asked.
type countedVault struct {
	*httptest.Server
	mu    sync.Mutex
	asked map[string]int // by path
}

func newCountedVault(t *testing.T) *countedVault {
	t.Helper()
	vault, err := url.Parse(theLab.VaultAddr)
	if err != nil {
		t.Fatal(err)
	}
	v := &countedVault{asked: map[string]int{}}
	proxy := httputil.NewSingleHostReverseProxy(vault)
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.mu.Lock()
		v.asked[r.URL.Path]++
		v.mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(v.Close)
	return v
}

// times is how often it was asked for paths that hold a text.
func (v *countedVault) times(text string) (n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for asked, times := range v.asked {
		if strings.Contains(asked, text) {
			n += times
		}
	}
	return n
}

// probeRights are what a dialect's component gives both services. It has no token of a ServiceAccount: who writes a store has that granted.
const probeRights = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: secretgate-syncer-probes}
rules:
  - {apiGroups: [probe.secretgate.io], resources: [probes, probestores, clusterprobestores], verbs: [list, watch]}
  - {apiGroups: [probe.secretgate.io], resources: [probes/status], verbs: [patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: secretgate-syncer-probes}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: secretgate-syncer-probes}
subjects: [{kind: ServiceAccount, name: syncer, namespace: secretgate}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: secretgate-webhook-probes}
rules:
  - {apiGroups: [probe.secretgate.io], resources: [probestores, clusterprobestores], verbs: [get, list, watch]}
  - {apiGroups: [probe.secretgate.io], resources: [probes], verbs: [list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: secretgate-webhook-probes}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: secretgate-webhook-probes}
subjects: [{kind: ServiceAccount, name: webhook, namespace: secretgate}]
`

// probeCRDs are the dialect's: those of the stores come first, so that a client that waits for Probes finds both.
func probeCRDs() string {
	var crds []string
	installation := probe.Dialect().New()
	for _, kind := range installation.Stores() {
		if crd := kind.Type().CRD; crd != nil { // Kubernetes knows its own kinds
			crds = append(crds, string(crd))
		}
	}
	for _, kind := range installation.Kinds() {
		crds = append(crds, string(kind.Type().CRD))
	}
	return strings.Join(crds, "\n---\n")
}

// installCRDs installs the dialect in the cluster until the test ends; the rights come apart.
func installCRDs(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		_, _ = kubectl.Stdin(probeRights+"---\n"+probeCRDs()).Run(context.Background(), "delete", "--filename=-", "--ignore-not-found", "--wait=false")
	})
	kubectl.MustApply(t, "", probeCRDs())
	for _, kind := range []string{"probestores", "clusterprobestores", "probes"} {
		kubectl.Must(t, "wait", "--for=condition=Established", "--timeout=60s", "crd/"+kind+".probe.secretgate.io")
	}
}

// probeTeam has a namespace, and what it takes to read Vault as an AppRole and as a ServiceAccount.
type probeTeam struct {
	*probeInstallation
	namespace string
	appRole   login  // at a mount of the namespace's name
	value     string // of password at secret/data/NS/db
}

func (p *probeInstallation) newTeam(t *testing.T) *probeTeam {
	t.Helper()
	return p.newTeamIn(t, newNamespace(t, nil))
}

func (p *probeInstallation) newTeamIn(t *testing.T, namespace string) *probeTeam {
	t.Helper()
	team := &probeTeam{probeInstallation: p, namespace: namespace}
	t.Cleanup(func() {
		told, err := kubectl.Run(context.Background(), "get", "probes,probestores", "-n", namespace, "-o", "json")
		if err != nil || holdsPlanted([]byte(told)) {
			t.Errorf("a Probe in namespace %s holds a planted value, or none can be read: %v", namespace, err)
		}
	})
	sys, vault := theLab.Vault().Sys(), theLab.Vault().Logical()
	if err := sys.EnableAuthWithOptionsWithContext(t.Context(), namespace, &api.EnableAuthOptions{Type: "approle"}); err != nil {
		t.Fatal(err)
	}
	reader := fmt.Sprintf(`path "secret/data/%s/*" { capabilities = ["read"] }`, namespace)
	if err := sys.PutPolicyWithContext(t.Context(), namespace, reader); err != nil {
		t.Fatal(err)
	}
	role := map[string]any{
		"bound_service_account_names": "reader", "bound_service_account_namespaces": namespace, "audience": "probes",
		"token_policies": namespace, "token_ttl": "1h",
	}
	if _, err := vault.WriteWithContext(t.Context(), "auth/kubernetes/role/"+namespace, role); err != nil {
		t.Fatal(err)
	}
	team.appRole = appRole(t, namespace, map[string]any{"token_policies": namespace})
	kubectl.MustApply(t, namespace, "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: reader}\n")
	team.put(t)
	return team
}

// put writes a new value to Vault.
func (p *probeTeam) put(t *testing.T) {
	t.Helper()
	p.value = secretValue()
	putVault(t, p.namespace+"/db", map[string]any{"password": p.value})
}

// keep writes the Secret that a login needs.
func (p *probeTeam) keep(t *testing.T, key, secretID string) {
	t.Helper()
	kubectl.MustApply(t, p.namespace, fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {%q: %q}\n", key, secretID))
}

// rotate gives the AppRole a new secret id, and lets the old one and all that it has gotten go.
func (p *probeTeam) rotate(t *testing.T) {
	t.Helper()
	vault, role := theLab.Vault().Logical(), path.Join("auth", p.appRole.mount, "role", p.appRole.name)
	made, err := vault.WriteWithContext(t.Context(), role+"/secret-id", nil)
	if err != nil {
		t.Fatal(err)
	}
	old := p.appRole.secretID
	p.appRole.secretID = fmt.Sprint(made.Data["secret_id"])
	plant(p.appRole.secretID)
	p.keep(t, "id", p.appRole.secretID)
	if _, err := vault.WriteWithContext(t.Context(), role+"/secret-id/destroy", map[string]any{"secret_id": old}); err != nil {
		t.Fatal(err)
	}
	p.revoke(t)
}

// revoke ends all sessions of the AppRole.
func (p *probeTeam) revoke(t *testing.T) {
	t.Helper()
	if err := theLab.Vault().Sys().RevokePrefixWithContext(t.Context(), "auth/"+p.namespace); err != nil {
		t.Fatal(err)
	}
}

// mayRequestTokens grants the syncer tokens of the team's ServiceAccount, by a rule in YAML.
func (p *probeTeam) mayRequestTokens(t *testing.T, rule string) {
	t.Helper()
	kubectl.MustApply(t, p.namespace, `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: tokens-for-syncer}
rules: [`+rule+`]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: tokens-for-syncer}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: tokens-for-syncer}
subjects: [{kind: ServiceAccount, name: syncer, namespace: secretgate}]
`)
}

const tokenRule = `{apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [reader], verbs: [create]}`

// byAppRole and byAccount are the specs of stores, in the order of their fields.
func (p *probeTeam) byAppRole() probev1.ProbeStoreSpec {
	return probev1.ProbeStoreSpec{
		Server: p.vault.URL, Method: "appRole", Mount: p.appRole.mount, Role: p.appRole.roleID,
		SecretRef: &probev1.SecretRef{Name: "login", Key: "id"},
	}
}

func (p *probeTeam) byAccount() probev1.ProbeStoreSpec {
	return probev1.ProbeStoreSpec{
		Server: p.vault.URL, Method: "kubernetes", Mount: "kubernetes", Role: p.namespace,
		ServiceAccountRef: &probev1.ServiceAccountRef{Name: "reader", Audience: "probes"},
	}
}

// probeStore is the manifest of a ProbeStore.
func probeStore(t *testing.T, name string, spec probev1.ProbeStoreSpec) string {
	t.Helper()
	return asJSON(t, map[string]any{
		"apiVersion": probev1.GroupVersion.String(), "kind": probev1.StoreKind, "metadata": map[string]any{"name": name}, "spec": spec,
	}) + "\n"
}

// probe is the manifest of a Probe of the team's value through a store. It is never read again by itself, unless the store or it changes.
func (p *probeTeam) probe(name, store string) string {
	return p.probeOf(name, fmt.Sprintf("{storeRef: {name: %s}, refreshInterval: '0', entries: [{name: password, key: secret/data/NS/db, property: password}]}", store))
}

// refreshed is one that is read every two seconds.
func (p *probeTeam) refreshed(name, store string) string {
	return p.probeOf(name, fmt.Sprintf("{storeRef: {name: %s}, entries: [{name: password, key: secret/data/NS/db, property: password}]}", store))
}

// probeOf takes a spec in YAML on one line.
func (p *probeTeam) probeOf(name, spec string) string {
	return in(p.namespace, fmt.Sprintf("apiVersion: probe.secretgate.io/v1\nkind: Probe\nmetadata: {name: %s}\nspec: %s\n", name, spec))
}

// apply applies manifests in the team's namespace, and returns what kubectl shows.
func (p *probeTeam) apply(t *testing.T, manifests ...string) string {
	t.Helper()
	return kubectl.MustApply(t, p.namespace, strings.Join(manifests, "\n---\n"))
}

// remove deletes objects, as in "probestore/vault".
func (p *probeTeam) remove(t *testing.T, names ...string) {
	t.Helper()
	kubectl.Must(t, append([]string{"delete", "-n", p.namespace}, names...)...)
}

// awaits waits until a Probe reports a reason, and returns it.
func (p *probeTeam) awaits(t *testing.T, name string, reason plan.Reason, says string) *probev1.Probe {
	t.Helper()
	ref := harness.Ref{Resource: probev1.GroupVersion.WithResource("probes"), Namespace: p.namespace, Name: name}
	return awaitReport[probev1.Probe](t, apiServer, ref, reason, in(p.namespace, says))
}

// synced waits until a Probe and its Secret are as Vault has it.
func (p *probeTeam) synced(t *testing.T, name string) *corev1.Secret {
	t.Helper()
	p.awaits(t, name, plan.ReasonSynced, "")
	return awaitData(t, p.namespace, name, map[string]string{"password": p.value})
}

// logged is how many lines of a service's log hold a text.
func logged(t *testing.T, service, text string) int {
	t.Helper()
	log, err := os.ReadFile(theLab.LogFile(service))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range bytes.Lines(log) {
		if bytes.Contains(line, []byte(text)) {
			n++
		}
	}
	return n
}

// stranger is a server that is not listed; it counts what it is asked.
func stranger(t *testing.T) (address string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(server.Close)
	return server.URL, asked
}
