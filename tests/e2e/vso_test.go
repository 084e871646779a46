package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// vsoSite is a cluster with the objects of Vault Secrets Operator, whose operator was in kube-system, and a Vault.
type vsoSite struct {
	*site
	log auditLogFile
	tap *vaultTap
}

// kindsOfVSO are those of Vault Secrets Operator that Secretgate has, too.
var kindsOfVSO = []string{"secrettransformations", "vaultauthglobals", "vaultauths", "vaultconnections", "vaultstaticsecrets"}

// withVSO is what the lab has installed, with the dialect.
const withVSO = `
resources: [KUSTOMIZE/overlays/local]
components: [KUSTOMIZE/components/dialects/vso]
patches:
  - target: {kind: ValidatingWebhookConfiguration}
    patch: |
      - {op: test, path: /webhooks/3/name, value: validate.vso.secretgate.io}
      - {op: replace, path: /webhooks/3/clientConfig, value: {url: "https://127.0.0.1:9443/validate"}}
`

// newVSOSite is a cluster in which both services serve Vault Secrets Operator's objects, too. Further arguments are for both.
func newVSOSite(t *testing.T, args ...string) vsoSite {
	t.Helper()
	made, log := newAuditedSite(t, lab.Options{Services: true})
	s := vsoSite{made, log, newVaultTap(t, made.lab.VaultAddr)}
	s.lab.Webhook.Stop()
	s.lab.Syncer.Stop()
	manifests := s.build(t, s.compose(t, map[string]string{"kustomization.yaml": withVSO}))
	s.kubectl.MustApply(t, "", strings.ReplaceAll(manifests, "https://127.0.0.1:9443/", "https://"+s.lab.WebhookBalancer.Addr()+"/"))
	for _, kind := range kindsOfVSO {
		s.addKind(t, filepath.Join(s.lab.Root, "crds", "vso", v1beta1.GroupVersion.Group+"_"+kind+".yaml"), kind+"."+v1beta1.GroupVersion.Group)
	}
	for _, service := range []*lab.Service{s.lab.Webhook, s.lab.Syncer} {
		service.Args = append(service.Args, "--dialects=kes,vso", "--vault-servers="+s.tap.URL+","+s.lab.VaultAddr, "--min-refresh-interval=1s",
			"--vso-operator-namespace=kube-system")
		service.Args = append(service.Args, args...)
		if err := service.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.setUpVault(t)
	s.kubectl.MustApply(t, "kube-system", s.object("VaultConnection", "default", fmt.Sprintf("{address: %q}", s.tap.URL)))
	return s
}

func TestVSO(t *testing.T) {
	t.Parallel()
	s := newVSOSite(t)
	t.Run("a tutorial's manifests are served as they stand", s.followsTutorial)
	t.Run("values are transformed", s.transforms)
	t.Run("one VaultAuth serves the namespaces that it allows, each by its own ServiceAccount", s.lends)
	t.Run("logins by jwt and by appRole", s.logsIn)
	t.Run("a Secret of another client is completed or taken over, where its namespace permits that", s.adopts)
	t.Run("what Vault Secrets Operator left is taken over", s.takesOver)
	t.Run("connections and logins that change have their objects planned again", s.follows)
	t.Run("what is applied is judged, with what it refers to", s.judges)
	t.Run("kinds that are not served are denied", s.refusesKinds)
	t.Run("troubles keep the Secret, say what to do, and heal by themselves", s.heals)
	t.Run("1,000 objects of one VaultAuth share a login and their reads, and are not written at rest", s.shares)
	t.Run("what gets past the webhook, the syncer refuses, and sends nothing", s.refuses)
	if diff := cmp.Diff([]string{"vault"}, s.tap.sent()); diff != "" {
		t.Errorf("audiences of the tokens that were sent (-want +got):\n%s", diff)
	}
	for _, service := range []string{"webhook", "syncer"} {
		if _, refused := s.log.requests(t, service, nil); len(slices.DeleteFunc(refused, isTokenRequest)) > 0 {
			t.Errorf("the API server refused the %s %q, want the component to grant what it needs", service, refused)
		}
	}
}

// isTokenRequest reports whether a right is one that no component grants for every namespace.
func isTokenRequest(right string) bool { return right == "create serviceaccounts/token" }

func (s vsoSite) object(kind, name, spec string) string {
	return fmt.Sprintf("{apiVersion: secrets.hashicorp.com/v1beta1, kind: %s, metadata: {name: %s}, spec: %s}", kind, name, spec)
}

// static is a VaultStaticSecret of the tutorial's engine that makes a Secret of its name.
func (s vsoSite) static(name, path, more string) string {
	return s.object("VaultStaticSecret", name, fmt.Sprintf(
		"{type: kv-v2, mount: %s, path: %q, refreshAfter: 1s, vaultAuthRef: vault-auth, %s}", vsoEngine, path, more))
}

// makes is a destination that a VaultStaticSecret creates.
func makes(name, more string) string {
	return fmt.Sprintf("destination: {name: %s, create: true, %s}", name, more)
}

// withoutRaw leaves _raw out.
const withoutRaw = "transformation: {excludeRaw: true}"

// namespace makes one with a VaultAuth of a role of its own, which may read below a folder of the namespace's name.
func (s vsoSite) namespace(t *testing.T, name string, annotations ...string) string {
	t.Helper()
	s.kubectl.MustApply(t, "", fmt.Sprintf("{apiVersion: v1, kind: Namespace, metadata: {name: %s, annotations: {%s}}}",
		name, strings.Join(annotations, ", ")))
	s.account(t, name, "vault-sa")
	s.role(t, name, "vault-sa", name, name)
	s.kubectl.MustApply(t, name, s.object("VaultAuth", "vault-auth", fmt.Sprintf(
		"{method: kubernetes, mount: %s, kubernetes: {role: %s, serviceAccount: vault-sa, audiences: [vault]}}", vsoMount, name)))
	return name
}

// account makes a ServiceAccount whose tokens the syncer may request.
func (s vsoSite) account(t *testing.T, namespace, name string) {
	t.Helper()
	s.kubectl.MustApply(t, namespace, fmt.Sprintf("{apiVersion: v1, kind: ServiceAccount, metadata: {name: %s}}", name))
	role := "tokens-of-" + name
	s.kubectl.Must(t, "create", "role", role, "-n", namespace, "--verb=create", "--resource=serviceaccounts/token", "--resource-name="+name)
	s.kubectl.Must(t, "create", "rolebinding", role, "-n", namespace, "--role="+role, "--serviceaccount="+lab.Namespace+":syncer")
}

// holds waits until a Secret has this data alone.
func (s vsoSite) holds(t *testing.T, namespace, name string, want map[string]string) (found corev1.Secret) {
	t.Helper()
	harness.Eventually(t, func() error {
		var err error
		found, err = s.has(t, namespace, name, want)
		return err
	})
	return found
}

func (s vsoSite) has(t *testing.T, namespace, name string, want map[string]string) (found corev1.Secret, err error) {
	t.Helper()
	if err := s.kubectl.Read(t.Context(), &found, "secret", name, "-n", namespace); err != nil {
		return found, err
	}
	return found, harness.Holds(found.Data, want)
}

// says waits for the reason, empty for any, and the message of condition Ready.
func (s vsoSite) says(t *testing.T, namespace, name string, reason plan.Reason, message string) (found v1beta1.VaultStaticSecret) {
	t.Helper()
	harness.Eventually(t, func() error {
		found = v1beta1.VaultStaticSecret{}
		if err := s.kubectl.Read(t.Context(), &found, "vaultstaticsecrets", name, "-n", namespace); err != nil {
			return err
		}
		for _, c := range found.Status.Conditions {
			if c.Type == plan.ConditionReady && (reason == "" || c.Reason == string(reason)) && strings.Contains(c.Message, message) {
				return nil
			}
		}
		return fmt.Errorf("%s: got conditions %v, want reason %s and %q", name, found.Status.Conditions, reason, message)
	})
	return found
}

// denies expects denials, by what they say.
func (s vsoSite) denies(t *testing.T, namespace string, manifests map[string]string) {
	t.Helper()
	for want, manifest := range manifests {
		if _, err := s.kubectl.Apply(t.Context(), namespace, manifest); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want a denial that says %q", err, want)
		}
	}
}
