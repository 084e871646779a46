package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// TestInstallESORights: what the overlay of two namespaces lets both services and users do with External Secrets Operator's objects and
// with what stores refer to, and what it does not.
func TestInstallESORights(t *testing.T) {
	t.Parallel()
	s := newSite(t, lab.Options{})
	const group = ".external-secrets.io"
	s.grants(t, overlaysOfUsers()[stores], []granted{
		{"syncer", "list", "externalsecrets" + group, "team-a", true},
		{"syncer", "patch", "externalsecrets" + group, "team-a", true},
		{"syncer", "patch", "externalsecrets" + group + "/status", "team-b", true},
		{"syncer", "watch", "secretstores" + group, "team-b", true},
		{"syncer", "get", "configmaps", "team-b", true},
		{"syncer", "list", "configmaps", "team-b", false},
		{"syncer", "patch", "secretstores" + group, "team-a", false},
		{"syncer", "patch", "secretstores" + group + "/status", "team-a", true},
		{"syncer", "patch", "secretstores" + group + "/status", "team-c", false},
		{"syncer", "list", "externalsecrets" + group, "team-c", false},
		{"syncer", "list", "secretstores" + group, "team-c", false},
		{"syncer", "get", "configmaps", "team-c", false},
		{"syncer", "get", "secrets", "team-c", false},
		{"syncer", "watch", "clustersecretstores" + group, "", true},
		{"syncer", "patch", "clustersecretstores" + group, "", false},
		{"syncer", "patch", "clustersecretstores" + group + "/status", "", true},
		{"syncer", "create", "serviceaccounts/token/vault-reader", "team-a", true},
		{"syncer", "create", "serviceaccounts/token/aws-reader", "team-a", true},
		{"syncer", "get", "serviceaccounts/aws-reader", "team-a", true},
		{"syncer", "create", "serviceaccounts/token/default", "team-a", false},
		{"syncer", "get", "serviceaccounts/default", "team-a", false},
		{"syncer", "create", "serviceaccounts/token/vault-reader", "team-b", false},
		{"syncer", "create", "serviceaccounts/token/syncer", lab.Namespace, false},
		{"webhook", "list", "externalsecrets" + group, "team-c", true},
		{"webhook", "watch", "secretstores" + group, "team-c", true},
		{"webhook", "get", "clustersecretstores" + group, "", true},
		{"webhook", "get", "serviceaccounts/any", "team-c", true},
		{"webhook", "list", "serviceaccounts", "team-c", false},
		{"webhook", "get", "configmaps/any", "team-c", true},
		{"webhook", "create", "serviceaccounts/token/any", "team-c", false},
		{"webhook", "get", "secrets/any", "team-c", false},
		{"webhook", "patch", "externalsecrets" + group, "team-a", false},
		{"view", "get", "clustersecretstores" + group, "", true},
		{"view", "get", "secretstores" + group, "team-c", true},
		{"view", "create", "secretstores" + group, "team-c", false},
		{"edit", "create", "secretstores" + group, "team-c", true},
		{"edit", "create", "externalsecrets" + group, "team-c", true},
		{"edit", "patch", "externalsecrets" + group + "/status", "team-c", false},
		{"edit", "create", "clustersecretstores" + group, "", false},
	})
}

// may asks the API server what a service or a user may do with resource.group/subresource, or with resource/name, or with
// serviceaccounts/token/name.
func (s *site) may(t *testing.T, who, verb, what, namespace string) bool {
	t.Helper()
	user := who
	if who == "syncer" || who == "webhook" {
		user = "system:serviceaccount:" + lab.Namespace + ":" + who
	}
	args := []string{"auth", "can-i", verb, what, "--as=" + user, "--all-namespaces"}
	if namespace != "" {
		args[len(args)-1] = "--namespace=" + namespace
	}
	for _, subresource := range []string{"status", "token"} {
		resource, name, found := strings.Cut(what, "/"+subresource)
		if found {
			args[3] = resource + name
			args = append(args, "--subresource="+subresource)
		}
	}
	answer, _ := s.kubectl.Run(t.Context(), args...) // kubectl fails where the answer is no
	return strings.TrimSpace(answer) == "yes"
}

// judgingOnThisMachine is an overlay that judges alone, with a webhook that runs as a process.
const judgingOnThisMachine = `
resources: [KUSTOMIZE/overlays/OVERLAY]
components: [KUSTOMIZE/components/without-workloads]
patches:
  - target: {kind: MutatingWebhookConfiguration}
    patch: |
      - {op: replace, path: /webhooks/0/clientConfig, value: {url: "WEBHOOK/mutate"}}
  - target: {kind: ValidatingWebhookConfiguration}
    patch: |
      - {op: replace, path: /webhooks/0/clientConfig, value: {url: "WEBHOOK/validate"}}
      - {op: replace, path: /webhooks/1/clientConfig, value: {url: "WEBHOOK/validate-namespace"}}
      - {op: replace, path: /webhooks/2/clientConfig, value: {url: "WEBHOOK/validate"}}
`

// judgesAlone installs an overlay that judges alone in place of what the lab has installed, and looks for what could sync an object.
func (s *site) judgesAlone(t *testing.T, overlay string) {
	t.Helper()
	s.lab.Syncer.Stop()
	installed := filepath.Join(s.lab.Dir, "state", "installed.yaml")
	s.kubectl.Must(t, "delete", "-f", installed, "-l", "app.kubernetes.io/name=syncer", "--ignore-not-found")
	s.kubectl.Must(t, "delete", "clusterroles,clusterrolebindings", "-l", "app.kubernetes.io/name=syncer")
	webhook := strings.NewReplacer("OVERLAY", overlay, "WEBHOOK", "https://"+s.lab.WebhookBalancer.Addr())
	manifests := s.build(t, s.compose(t, map[string]string{"kustomization.yaml": webhook.Replace(judgingOnThisMachine)}))
	s.kubectl.MustApply(t, "", manifests)
	onlyJudges(t, s, manifests)
}

// TestInstallAdmissionOnlyForESO: on External Secrets Operator's own CRDs, its objects are judged, whose stores are its own. There is
// nothing of ours that could sync them.
func TestInstallAdmissionOnlyForESO(t *testing.T) {
	t.Parallel()
	s, log := newESOSite(t)
	s.addKindsOfESO(t, crdsOfESO(t))
	s.judgesAlone(t, "admission-only-eso")

	const namespace = "judged"
	s.kubectl.Must(t, "create", "namespace", namespace)
	s.kubectl.Must(t, "annotate", "namespace", namespace, names.AnnotationPermittedKeyName+"=team/.*", names.AnnotationPermittedRegion+"=eu-.*")
	store := func(kind, name, more string) string {
		return "{apiVersion: external-secrets.io/v1, kind: " + kind + ", metadata: {name: " + name + "}, spec: {" + more + "}}"
	}
	aws := func(region string) string {
		return "provider: {aws: {service: SecretsManager, region: " + region + ", auth: {secretRef: {accessKeyIDSecretRef: " +
			"{name: aws, key: id}, secretAccessKeySecretRef: {name: aws, key: key}}}}}"
	}
	reads := func(name, kind, store, key string) string {
		return "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: " + name + "}, spec: {secretStoreRef: {kind: " + kind +
			", name: " + store + "}, data: [{secretKey: a, remoteRef: {key: " + key + "}}]}}"
	}
	harness.Eventually(t, func() error { // the webhook puts its CA into the configurations again
		_, err := s.kubectl.Apply(t.Context(), namespace, store("SecretStore", "own", aws("eu-central-1")))
		return err
	})
	s.kubectl.MustApply(t, "", store("ClusterSecretStore", "others", "conditions: [{namespaces: [other]}], "+aws("eu-central-1")))
	s.kubectl.MustApply(t, namespace, reads("permitted", "SecretStore", "own", "team/db"))
	for want, manifest := range map[string]string{
		`spec.data[0].remoteRef.key: Forbidden: "prod/db" is not permitted`:              reads("denied", "SecretStore", "own", "prod/db"),
		`ClusterSecretStore others admits other namespaces only`:                         reads("denied", "ClusterSecretStore", "others", "team/db"),
		`spec.provider.aws.region: Forbidden: "us-east-1" is not permitted in namespace`: store("SecretStore", "far", aws("us-east-1")),
	} {
		if _, err := s.kubectl.Apply(t.Context(), namespace, manifest); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want a denial that says %q", err, want)
		}
	}
	if left := s.kubectl.Must(t, "get", "secrets", "-n", namespace, "-o", "name"); left != "" {
		t.Errorf("got the Secrets %s, want none", left)
	}
	if _, refused := log.requests(t, "webhook", nil); len(refused) > 0 {
		t.Errorf("the API server refused the webhook %q, want the overlay to grant what it needs", refused)
	}
}

// onlyJudges looks for anything in what is installed that could sync an object, or read a Secret but the webhook's own.
func onlyJudges(t *testing.T, s *site, manifests string) {
	t.Helper()
	var accounts []string
	for _, o := range objectsIn(t, manifests) {
		switch o.Kind {
		case "ServiceAccount":
			accounts = append(accounts, o.Metadata["name"].(string)) //nolint:errcheck,forcetypeassert // every object has one
		case "CustomResourceDefinition":
			t.Errorf("got the CRD %v, want none: it is whose objects are judged", o.Metadata["name"])
		}
	}
	if diff := cmp.Diff([]string{"webhook"}, accounts); diff != "" {
		t.Errorf("ServiceAccounts (-want +got):\n%s", diff)
	}
	for _, account := range []string{"webhook", "syncer"} {
		for right := range s.granted(t, account) {
			if _, what, _ := strings.Cut(right, " "); what == "secrets" || strings.HasPrefix(what, "secrets:") && what != "secrets:webhook-tls" {
				t.Errorf("%s has the right to %s", account, right)
			}
		}
	}
}

// TestInstallWithoutCRDsOfESO: a cluster that has External Secrets Operator's own keeps them.
func TestInstallWithoutCRDsOfESO(t *testing.T) {
	t.Parallel()
	keepsCRDs(t, "eso", ".external-secrets.io", len(kindsOfESO))
}

// keepsCRDs renders a dialect's component, with which there are its CRDs, and with its sub-component without-crds, with which there are none.
func keepsCRDs(t *testing.T, dialect, group string, kinds int) {
	t.Helper()
	s := &site{lab: theLab, kubectl: kubectl} // renders only
	for component, want := range map[string]int{"network-policy": kinds, "dialects/" + dialect + "/without-crds": 0} {
		manifests := s.build(t, s.compose(t, overlayWith(selfSigned, "dialects/"+dialect, component)))
		got := 0
		for _, o := range objectsIn(t, manifests) {
			if o.Kind == "CustomResourceDefinition" && strings.HasSuffix(fmt.Sprint(o.Metadata["name"]), group) {
				got++
			}
		}
		if got != want {
			t.Errorf("with the component %s: got %d CRDs of %s, want %d", component, got, group, want)
		}
	}
}
