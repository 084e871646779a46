package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// fencedWorkloads are workloads of the kinds of Kubernetes that may be restarted.
const fencedWorkloads = `
apiVersion: v1
kind: List
items:
  - apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web, annotations: {note: mine}}
    spec: &sets
      replicas: 1
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}, annotations: {note: mine}}
        spec: {containers: [{name: app, image: registry.invalid/app, envFrom: [{secretRef: {name: db}}]}]}
  - {apiVersion: apps/v1, kind: StatefulSet, metadata: {name: web, annotations: {note: mine}}, spec: *sets}
  - apiVersion: apps/v1
    kind: DaemonSet
    metadata: {name: web, annotations: {note: mine}}
    spec:
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}, annotations: {note: mine}}
        spec: {containers: [{name: app, image: registry.invalid/app}]}
`

const fencedRollouts = `
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web, annotations: {note: mine}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  strategy: {canary: {steps: [{setWeight: 20}, {pause: {}}]}}
  template:
    metadata: {labels: {app: web}, annotations: {note: mine}}
    spec: {containers: [{name: app, image: registry.invalid/app}]}
`

// crdsOfArgoRollouts is a folder with the CRDs that Argo Rollouts installs.
func crdsOfArgoRollouts(t *testing.T) string {
	t.Helper()
	dir := download(t, "github.com/argoproj/argo-rollouts@v1.8.5", "h1:x+WjkwgjV89sc/QJ0c0cBrz5HAcriWCoQn6ptOxoElU=")
	return filepath.Join(dir, "manifests", "crds")
}

func (s *site) addRollouts(t *testing.T) {
	t.Helper()
	s.addKind(t, filepath.Join(crdsOfArgoRollouts(t), "rollout-crd.yaml"), "rollouts.argoproj.io")
}

// TestInstallRestarts: with a stolen token of the restarter its annotations can be set, and nothing else, whatever rights it has.
func TestInstallRestarts(t *testing.T) {
	t.Parallel()
	s := newSite(t, lab.Options{})
	s.addRollouts(t)
	s.installRestarts(t)
	const namespace, fresh = "fenced", "fresh"
	s.kubectl.Must(t, "create", "namespace", namespace)
	s.kubectl.Must(t, "create", "namespace", fresh)
	s.addReportings(t, namespace, fresh)
	s.kubectl.MustApply(t, namespace, fencedWorkloads)
	harness.Eventually(t, func() error {
		_, err := s.kubectl.Stdin(fencedRollouts).Run(t.Context(), "apply", "-n", namespace, "-f", "-")
		return err
	})
	kubeconfig, _, err := s.lab.ServiceAccountKubeconfig(t.Context(), lab.Namespace, "restarter")
	if err != nil {
		t.Fatal(err)
	}
	stolen := func(args ...string) (string, error) {
		return s.kubectl.Run(t.Context(), append([]string{"--kubeconfig=" + kubeconfig, "-n", namespace}, args...)...)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client, err := harness.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	patch := func(kind, patch string) error { // kubectl would get it first, for which there is no right
		group := appsv1.SchemeGroupVersion
		if kind == "rollout" {
			group = schema.GroupVersion{Group: "argoproj.io", Version: "v1alpha1"}
		}
		ref := harness.Ref{Resource: group.WithResource(kind + "s"), Namespace: namespace, Name: "web"}
		return client.Do(t.Context(), http.MethodPatch, ref.Path()+"?dryRun=All", harness.MergePatch, []byte(patch), nil)
	}
	harness.Eventually(t, func() error {
		if err := patch("deployment", `{"spec":{"replicas":2}}`); err == nil || !strings.Contains(err.Error(), "ValidatingAdmissionPolicy") {
			return fmt.Errorf("the policy does not hold yet: %w", err)
		}
		return nil
	})
	t.Run("its own rights", func(t *testing.T) {
		fencesWorkloads(t, patch)
		fencesStatuses(t, client, namespace, fresh)
	})
	t.Run("no right on Secrets, nor on what runs once", func(t *testing.T) {
		for _, verb := range []string{"get", "list", "watch", "create", "update", "patch", "delete"} {
			for _, resource := range []string{"secrets", "jobs", "cronjobs", "pods"} {
				if answer, _ := stolen("auth", "can-i", verb, resource, "--all-namespaces"); strings.TrimSpace(answer) != "no" {
					t.Errorf("may it %s %s? got %q, want no", verb, resource, answer)
				}
			}
		}
	})
	t.Run("every right", func(t *testing.T) {
		s.kubectl.Must(t, "create", "clusterrolebinding", "careless", "--clusterrole=cluster-admin", "--serviceaccount="+lab.Namespace+":restarter")
		harness.Eventually(t, func() error {
			_, err := stolen("get", "secrets")
			return err
		})
		fencesWorkloads(t, patch)
		fencesStatuses(t, client, namespace, fresh)
		writesObjects(t, client, namespace)
		for what, args := range map[string][]string{
			"make a pod":             {"run", "mine", "--image=registry.invalid/mine"},
			"make a Job":             {"create", "job", "mine", "--image=registry.invalid/mine"},
			"make a CronJob":         {"create", "cronjob", "mine", "--image=registry.invalid/mine", "--schedule=@daily"},
			"pause a Deployment":     {"rollout", "pause", "deployment/web"},
			"make a Secret":          {"create", "secret", "generic", "mine"},
			"make a Deployment":      {"create", "deployment", "mine", "--image=registry.invalid/mine"},
			"delete a Deployment":    {"delete", "deployment", "web"},
			"scale a Deployment":     {"scale", "deployment", "web", "--replicas=3"},
			"make a token":           {"create", "token", "default"},
			"bind a role":            {"create", "rolebinding", "mine", "--clusterrole=cluster-admin", "--user=mine"},
			"write a status":         {"patch", "deployment", "web", "--subresource=status", "--type=merge", "-p", `{"status":{"replicas":7}}`},
			"annotate a ConfigMap":   {"annotate", "configmap", "kube-root-ca.crt", "secretgate.io/revisions=x"},
			"take the policy away":   {"delete", "validatingadmissionpolicybinding", "secretgate-restarter", "--dry-run=server"}, // which the API server exempts
			"relabel its namespace":  {"label", "namespace", namespace, "mine=mine"},
			"make an ExternalSecret": {"apply", "--validate=false", "-f", "-"},
		} {
			_, err := s.kubectl.Stdin(object("mine", "{backendType: secretsManager, data: [{key: a, name: a}]}")).
				Run(t.Context(), append([]string{"--kubeconfig=" + kubeconfig, "-n", namespace}, args...)...)
			exempt := what == "take the policy away" // policies cannot judge themselves: RBAC alone keeps it from that
			if (err == nil) != exempt || !exempt && !strings.Contains(err.Error(), "secretgate-restarter") {
				t.Errorf("%s: got %v, want a denial by the policy: %t", what, err, !exempt)
			}
		}
	})
}

// fencesWorkloads tries what the policy lets pass, and what it does not.
func fencesWorkloads(t *testing.T, patch func(kind, patch string) error) {
	t.Helper()
	const only = "the restarter may "
	for _, tc := range []struct{ name, patch, denied string }{
		{"restart it", `{"metadata":{"annotations":{"secretgate.io/revisions":"db=a.1","secretgate.io/restarted-at":"x"}},` +
			`"spec":{"template":{"metadata":{"annotations":{"secretgate.io/revisions":"db=a.1"}}}}}`, ""},
		{"record revisions", `{"metadata":{"annotations":{"secretgate.io/revisions":"db=a.1"}}}`, ""},
		{"change the image", `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"registry.invalid/mine"}]}}}}`, only + "not change the pod spec"},
		{"run as another ServiceAccount", `{"spec":{"template":{"spec":{"serviceAccountName":"admin"}}}}`, only + "not change the pod spec"},
		{"mount a Secret", `{"spec":{"template":{"spec":{"volumes":[{"name":"x","secret":{"secretName":"x"}}]}}}}`, only + "not change the pod spec"},
		{"restart it and change the image", `{"metadata":{"annotations":{"secretgate.io/revisions":"db=a.1"}},"spec":{"template":{"metadata":{"annotations":` +
			`{"secretgate.io/revisions":"db=a.1"}},"spec":{"containers":[{"name":"app","image":"registry.invalid/mine"}]}}}}`, only + "not change the pod spec"},
		{"set another annotation of pods", `{"spec":{"template":{"metadata":{"annotations":{"vault.hashicorp.com/agent-inject":"true"}}}}}`,
			only + "only set its own annotation on the pod template"},
		{"change one", `{"spec":{"template":{"metadata":{"annotations":{"note":"theirs"}}}}}`, only + "only set its own annotation on the pod template"},
		{"take one away", `{"spec":{"template":{"metadata":{"annotations":{"note":null}}}}}`, only + "only set its own annotation on the pod template"},
		{"take all away", `{"spec":{"template":{"metadata":{"annotations":null}}}}`, only + "only set its own annotation on the pod template"},
		{"set its own other annotation on pods", `{"spec":{"template":{"metadata":{"annotations":{"secretgate.io/restarted-at":"x"}}}}}`,
			only + "only set its own annotation on the pod template"},
		{"label pods", `{"spec":{"template":{"metadata":{"labels":{"app":"web","mine":"mine"}}}}}`, only + "not change the pod template's metadata"},
		{"change an annotation", `{"metadata":{"annotations":{"note":"theirs"}}}`, only + "only set its own annotations"},
		{"opt in for others", `{"metadata":{"annotations":{"secretgate.io/restart":"true"}}}`, only + "only set its own annotations"},
		{"take an annotation away", `{"metadata":{"annotations":{"note":null}}}`, only + "only set its own annotations"},
		{"label it", `{"metadata":{"labels":{"mine":"mine"}}}`, only + "not change metadata"},
		{"own it", `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"x","uid":"x"}]}}`, only + "not change metadata"},
		{"hold it", `{"metadata":{"finalizers":["example.com/mine"]}}`, only + "not change metadata"},
		{"set another field", `{"spec":{"minReadySeconds":5}}`, only + "not change this field of spec"},
	} {
		for _, kind := range []string{"deployment", "statefulset", "daemonset", "rollout"} {
			err := patch(kind, tc.patch)
			switch {
			case tc.denied == "" && err != nil:
				t.Errorf("%s %s: got %v, want it permitted", kind, tc.name, err)
			case tc.denied != "" && (err == nil || !strings.Contains(err.Error(), tc.denied)):
				t.Errorf("%s %s: got %v, want %q", kind, tc.name, err, tc.denied)
			}
		}
	}
	if err := patch("rollout", `{"spec":{"restartAt":"2026-01-02T03:04:05Z"}}`); err != nil {
		t.Errorf("a Rollout cannot be restarted: %v", err)
	}
	for kind, change := range map[string]string{
		"deployment": `{"spec":{"paused":true}}`, "statefulset": `{"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}`, "rollout": `{"spec":{"replicas":7}}`,
	} {
		if err := patch(kind, change); err == nil || !strings.Contains(err.Error(), "may not change this field of spec") {
			t.Errorf("%s %s: got %v, want a denial", kind, change, err)
		}
	}
}
