package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/balancer"
)

// sealedSite is a cluster with SealedSecrets, whose syncers kubeseal reaches through the API server.
type sealedSite struct {
	*site
	log auditLogFile
	// front is the address of the pod that the API server takes the syncers for.
	front *balancer.Balancer
	// opener is the Service at which the webhook asks the syncers what can be opened.
	opener *balancer.Balancer
	// certificate is the file of the certificate that the syncer had at first.
	certificate string
}

// withSealed is what the lab has installed, with the dialect.
const withSealed = `
resources: [KUSTOMIZE/overlays/local]
components: [KUSTOMIZE/components/dialects/sealed, KUSTOMIZE/components/dialects/sealed/verify]
patches:
  - target: {kind: ValidatingWebhookConfiguration}
    patch: |
      - {op: test, path: /webhooks/3/name, value: validate.sealed.secretgate.io}
      - {op: replace, path: /webhooks/3/clientConfig, value: {url: "https://127.0.0.1:9443/validate"}}
`

// newSealedSite is a cluster in which both services serve SealedSecrets, too. Further arguments are the syncer's.
func newSealedSite(t *testing.T, args ...string) sealedSite {
	t.Helper()
	host := outerAddress(t)
	made, log := newAuditedSite(t, lab.Options{Services: true})
	s := sealedSite{site: made, log: log}
	s.lab.Webhook.Stop()
	s.lab.Syncer.Stop()
	manifests := s.build(t, s.compose(t, map[string]string{"kustomization.yaml": withSealed}))
	s.kubectl.MustApply(t, "", strings.ReplaceAll(manifests, "https://127.0.0.1:9443/", "https://"+s.lab.WebhookBalancer.Addr()+"/"))
	s.addKind(t, filepath.Join(s.lab.Root, "crds", "sealed", "bitnami.com_sealedsecrets.yaml"), "sealedsecrets.bitnami.com")
	front, err := balancer.ListenAt(net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(front.Close)
	opener, err := balancer.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opener.Close)
	s.front, s.opener = front, opener
	s.addPod(t)
	s.lab.Webhook.Args = append(s.lab.Webhook.Args, "--dialects=kes,sealed", "--sealed-verify-address="+opener.Addr())
	if err := s.lab.Webhook.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.serveSealed(t, s.lab.Syncer, args...)
	if err := s.lab.Syncer.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.certificate = filepath.Join(t.TempDir(), "certificate.pem")
	harness.Eventually(t, func() error { return s.fetchCertificate(t, s.certificate) })
	return s
}

// serveSealed has a syncer that is stopped serve SealedSecrets, and what kubeseal asks.
func (s sealedSite) serveSealed(t *testing.T, syncer *lab.Service, args ...string) {
	t.Helper()
	address := net.JoinHostPort("127.0.0.1", freePort(t))
	s.front.Add(address)
	verifying := net.JoinHostPort("127.0.0.1", freePort(t))
	s.opener.Add(verifying)
	syncer.Args = append(syncer.Args, "--dialects=kes,sealed", "--refresh-interval=2s", "--min-refresh-interval=1s",
		"--sealed-key-namespace="+lab.Namespace, "--sealed-key-size=2048", "--sealed-bind-address="+address,
		"--sealed-verify-bind-address="+verifying)
	syncer.Args = append(syncer.Args, args...)
}

// outerAddress is one of this machine that is not a loopback address: the API server proxies to no other.
func outerAddress(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && network.IP.To4() != nil && network.IP.IsGlobalUnicast() {
			return network.IP.String()
		}
	}
	t.Skip("this machine has no address but loopback, to which the API server proxies nothing: kubeseal cannot reach a syncer")
	return ""
}

// addPod puts a pod behind the Service that kubeseal calls, as kubelet and the endpoint controllers do in a cluster. Releases before 1.33
// read Endpoints, later ones EndpointSlices.
func (s sealedSite) addPod(t *testing.T) {
	t.Helper()
	host, port, err := net.SplitHostPort(s.front.Addr())
	if err != nil {
		t.Fatal(err)
	}
	s.kubectl.MustApply(t, lab.Namespace, strings.NewReplacer("HOST", host, "PORT", port).Replace(`
{apiVersion: v1, kind: Pod, metadata: {name: syncer-0}, spec: {serviceAccountName: syncer, automountServiceAccountToken: false,
  containers: [{name: syncer, image: registry.invalid/secretgate/syncer:dev, securityContext: {allowPrivilegeEscalation: false,
  runAsNonRoot: true, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}}]}}
---
{apiVersion: v1, kind: Endpoints, metadata: {name: sealed-secrets-controller}, subsets: [{ports: [{name: http, port: PORT}],
  addresses: [{ip: HOST, targetRef: {kind: Pod, namespace: secretgate, name: syncer-0}}]}]}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: sealed-secrets-controller,
  labels: {kubernetes.io/service-name: sealed-secrets-controller}}, addressType: IPv4, ports: [{name: http, port: PORT}],
  endpoints: [{addresses: [HOST], conditions: {ready: true}, targetRef: {kind: Pod, namespace: secretgate, name: syncer-0}}]}
`))
	s.kubectl.Must(t, "patch", "pod", "syncer-0", "-n", lab.Namespace, "--subresource=status", "--type=merge",
		fmt.Sprintf(`--patch={"status": {"phase": "Running", "podIP": %q, "podIPs": [{"ip": %q}]}}`, host, host))
}

// fetchCertificate writes the certificate that kubeseal fetches through the API server.
func (s sealedSite) fetchCertificate(t *testing.T, file string) error {
	t.Helper()
	text, err := s.kubeseal(t, "", "--fetch-cert")
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o600)
}
