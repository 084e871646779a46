package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/webhook/cli/shape"
)

// condition waits until an ExternalSecret says this of restarts, and returns that.
func (r *restarting) condition(t *testing.T, name string, want metav1.ConditionStatus, reason string) *metav1.Condition {
	t.Helper()
	var found *metav1.Condition
	harness.Eventually(t, func() error {
		found = r.externalSecret(t, name).Status.Condition(plan.ConditionRestartPending)
		if found == nil || found.Status != want || found.Reason != reason {
			return fmt.Errorf("got condition %+v of %s, want %s with reason %s", found, name, want, reason)
		}
		return nil
	})
	return found
}

func (r *restarting) externalSecret(t *testing.T, name string) *apiv1.ExternalSecret {
	t.Helper()
	es, err := harness.Get[apiv1.ExternalSecret](t.Context(), r.apiServer, harness.Ref{
		Resource: apiv1.GroupVersion.WithResource("externalsecrets"), Namespace: restartsNamespace, Name: name,
	})
	if err != nil {
		t.Fatal(err)
	}
	return es
}

// TestRestartPending: an object says that pods have its previous Secret, and why, as long as that is so; the syncer leaves the condition alone,
// whatever it writes itself.
func TestRestartPending(t *testing.T) {
	t.Parallel()
	r := newRestarting(t)
	r.secret(t, "db")
	r.deployment(t, "web", names.AnnotationRestart+`: "true"`, "db")
	r.remembers(t, "web", "db.1")
	r.kubectl.Must(t, "rollout", "pause", "-n", restartsNamespace, "deployment/web")
	r.rolledOut(t, "web")
	r.put(t, "db")
	r.revision(t, "db", 2)
	const message = "pods still have the previous Secret. Paused: Deployment web: the workload is paused: it is restarted once it is resumed"
	pending := r.condition(t, "db", metav1.ConditionTrue, "Paused")
	if pending.Message != message {
		t.Errorf("got %q, want %q", pending.Message, message)
	}

	// What the role view lets a user read is enough.
	r.kubectl.Must(t, "create", "rolebinding", "-n", restartsNamespace, "viewer", "--clusterrole=view", "--user=viewer")
	tree := answers[shape.Tree](t, 0, "tree", "db", "-n", restartsNamespace, "--kubeconfig="+r.lab.Kubeconfig, "--as=viewer")
	uid := r.externalSecret(t, "db").Status.SecretUID[:8]
	waits := []shape.Restarts{{
		Kind: "Deployment", Name: "web", Has: uid + ".1", Is: uid + ".2", Pending: true, Waits: "Paused",
		Meaning: "the workload is paused: it is restarted once it is resumed",
	}}
	if diff := cmp.Diff(waits, tree.Restarts); diff != "" {
		t.Errorf("the tree (-want +got):\n%s\nnotes: %v", diff, tree.Notes)
	}

	r.restarter.Stop() // so that nothing sets the condition again
	for key, ready := range map[string]metav1.ConditionStatus{"none": metav1.ConditionFalse, "db": metav1.ConditionTrue} {
		r.kubectl.MustApply(t, restartsNamespace, object("db", "{backendType: secretsManager, data: [{key: "+key+", name: password}]}"))
		harness.Eventually(t, func() error {
			es := r.externalSecret(t, "db")
			if got := es.Status.Condition(plan.ConditionReady); got == nil || got.Status != ready || es.Status.ObservedGeneration != es.Generation {
				return fmt.Errorf("got Ready %+v, want %s", got, ready)
			}
			return nil
		})
		if got := r.externalSecret(t, "db").Status.Condition(plan.ConditionRestartPending); got == nil || *got != *pending {
			t.Errorf("got condition %+v once the syncer had written its own, want %+v", got, pending)
		}
	}
	if err := r.restarter.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.kubectl.Must(t, "rollout", "resume", "-n", restartsNamespace, "deployment/web")
	r.rolledOut(t, "web")
	r.condition(t, "db", metav1.ConditionFalse, "NothingWaits")
	r.wantRestarts(t, "web", 1)
	r.keepsAnnotations(t)
}

// keepsAnnotations applies the manifest again, as GitOps tools do, which have no annotation of ours in it (Reloader's issue 769): nothing rolls out.
func (r *restarting) keepsAnnotations(t *testing.T) {
	t.Helper()
	before := r.get(t, "web")
	r.deployment(t, "web", names.AnnotationRestart+`: "true"`, "db")
	manifest := fmt.Sprintf(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, annotations: {%s: "true"}}, spec: {selector: {matchLabels: {app: web}},
		template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: registry.invalid/app, envFrom: [{secretRef: {name: db}}]}]}}}}`,
		names.AnnotationRestart)
	r.kubectl.MustApply(t, restartsNamespace, manifest, "--server-side", "--force-conflicts", "--field-manager=argocd-controller")
	after := r.get(t, "web")
	if diff := cmp.Diff(before.Spec.Template, after.Spec.Template); diff != "" || after.Annotations[names.AnnotationRevisions] != before.Annotations[names.AnnotationRevisions] {
		t.Errorf("applied again, the pod template is another one (-before +after):\n%s", diff)
	}
}

func rolloutRef(name string) harness.Ref {
	return harness.Ref{
		Resource: schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "rollouts"}, Namespace: restartsNamespace, Name: name,
	}
}

// argoRollout is what this test reads of one.
type argoRollout struct {
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		RestartAt *metav1.Time `json:"restartAt"`
		Template  struct {
			metav1.ObjectMeta `json:"metadata"`
		} `json:"template"`
	} `json:"spec"`
}

// TestRestartsOfRollouts: with the CRD of Argo Rollouts itself. Argo restarts the pods that are older than spec.restartAt, says when all are newer
// (status.restartedAt), and says by status.observedGeneration whether its phase is that of the spec as it is.
// https://argo-rollouts.readthedocs.io/en/stable/features/restart/
func TestRestartsOfRollouts(t *testing.T) {
	t.Parallel()
	r := newRestarting(t, "--honour-reloader-annotations")
	r.addRollouts(t)
	r.secret(t, "db")
	get := func(name string) *argoRollout {
		t.Helper()
		got, err := harness.Get[argoRollout](t.Context(), r.apiServer, rolloutRef(name))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	argo := func(name, phase string, restartedAt *metav1.Time) { // what its controller says, of the Rollout as it is now
		t.Helper()
		status := map[string]any{"phase": phase, "observedGeneration": strconv.FormatInt(get(name).Generation, 10)}
		if restartedAt != nil {
			status["restartedAt"] = restartedAt
		}
		patch := asJSON(t, map[string]any{"status": status})
		if err := r.apiServer.Do(t.Context(), http.MethodPatch, rolloutRef(name).Path()+"/status", harness.MergePatch, []byte(patch), nil); err != nil {
			t.Fatal(err)
		}
	}
	revisions := func(name, want string) {
		t.Helper()
		harness.Eventually(t, func() error {
			if got := shortRevisions(get(name).Annotations[names.AnnotationRevisions]); len(got) != 1 || got[0] != want {
				return fmt.Errorf("rollout %s remembers %q, want %s", name, got, want)
			}
			return nil
		})
	}
	for name, annotation := range map[string]string{"ours": names.AnnotationRestart, "reloaders": "reloader.stakater.com/auto"} {
		harness.Eventually(t, func() error {
			_, err := r.kubectl.Stdin(fmt.Sprintf(`{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: %[1]s, annotations: {%[2]s: "true"}},
				spec: {replicas: 2, selector: {matchLabels: {app: %[1]s}}, strategy: {canary: {steps: [{setWeight: 20}, {pause: {}}]}},
					template: {metadata: {labels: {app: %[1]s}}, spec: {containers: [
						{name: app, image: registry.invalid/app, envFrom: [{secretRef: {name: db}}]}]}}}}`, name, annotation)).
				Run(t.Context(), "apply", "-n", restartsNamespace, "-f", "-")
			return err
		})
		argo(name, "Healthy", nil)
		revisions(name, "db.1")
		argo(name, "Healthy", nil) // it observes the record
	}

	changed := time.Now().Truncate(time.Second)
	r.put(t, "db")
	r.revision(t, "db", 2)
	revisions("ours", "db.2")
	revisions("reloaders", "db.2")
	at := get("ours").Spec.RestartAt
	if at == nil || at.Time.Before(changed) || at.After(time.Now()) {
		t.Fatalf("got restartAt %v, want the present: every pod that is older has the previous Secret", at)
	}
	if got := get("ours").Spec.Template.Annotations; got != nil {
		t.Errorf("got annotations %v of the pod template, want none: they would begin a canary", got)
	}
	if got := get("reloaders"); got.Spec.RestartAt != nil || got.Spec.Template.Annotations[names.AnnotationRevisions] == "" {
		t.Errorf("got %+v, want a template that begins a canary, as with Reloader", got.Spec)
	}

	// Argo has observed the spec, and is not done yet: of the other it has observed nothing.
	argo("ours", "Healthy", nil)
	r.put(t, "db")
	r.revision(t, "db", 3)
	const both = "RolloutUnderWay: Rollout ours, Rollout reloaders:"
	if pending := r.condition(t, "db", metav1.ConditionTrue, "RolloutUnderWay"); !strings.Contains(pending.Message, both) {
		t.Errorf("got %q, want it to say %q", pending.Message, both)
	}
	if now := get("ours").Spec.RestartAt; !now.Equal(at) {
		t.Errorf("got restartAt %v while the pods are restarted, want %v", now, at)
	}
	argo("ours", "Healthy", at)
	argo("reloaders", "Healthy", nil)
	revisions("ours", "db.3")
	revisions("reloaders", "db.3")
	argo("ours", "Healthy", get("ours").Spec.RestartAt)
	argo("reloaders", "Healthy", nil)
	r.condition(t, "db", metav1.ConditionFalse, "NothingWaits")
}
