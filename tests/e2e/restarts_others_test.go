package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
)

// TestRestartsOfOthers: workloads that ask for restarts by Reloader's annotations, or are named by a VaultStaticSecret, with two replicas of the
// restarter, of which one is killed.
func TestRestartsOfOthers(t *testing.T) {
	t.Parallel()
	r := newRestarting(t, "--honour-reloader-annotations", "--dialects=kes,vso")
	second := r.start(t, "second", "--honour-reloader-annotations", "--dialects=kes,vso")
	r.secret(t, "db")
	r.kubectl.Must(t, "create", "configmap", "-n", restartsNamespace, "settings", "--from-literal=a=1")
	r.deployment(t, "auto", `reloader.stakater.com/auto: "true"`, "db")
	r.deployment(t, "named", `configmap.reloader.stakater.com/reload: "sett.*"`)
	r.deployment(t, "excluded", `reloader.stakater.com/auto: "true", secrets.exclude.reloader.stakater.com/reload: db`, "db")
	r.deployment(t, "target", "note: mine")
	r.remembers(t, "auto", "db.1")
	harness.Eventually(t, func() error { return r.records(t, "named", "configmap/settings=") })
	for _, name := range []string{"auto", "named"} {
		r.rolledOut(t, name) // what is recorded is an annotation, which the controller of Deployments observes as a new generation
	}

	r.restarter.Kill() // whether it worked or not, one goes on
	r.put(t, "db")
	r.revision(t, "db", 2)
	r.kubectl.Must(t, "patch", "configmap", "-n", restartsNamespace, "settings", "--type=merge", `--patch={"data":{"a":"2"}}`)
	r.remembers(t, "auto", "db.2")
	r.wantRestarts(t, "auto", 1)
	r.says(t, "named", "Restarted", "ConfigMap settings changed")
	r.wantRestarts(t, "named", 1)
	r.wantRestarts(t, "excluded", 0)

	t.Run("rolloutRestartTargets", func(t *testing.T) {
		r.addKind(t, filepath.Join(r.lab.Root, "crds", "vso", "secrets.hashicorp.com_vaultstaticsecrets.yaml"), "vaultstaticsecrets.secrets.hashicorp.com")
		harness.Eventually(t, func() error {
			_, err := r.kubectl.Stdin(`{apiVersion: secrets.hashicorp.com/v1beta1, kind: VaultStaticSecret, metadata: {name: app}, spec: {
				mount: kv, path: app, type: kv-v2, destination: {name: app, create: true}, rolloutRestartTargets: [{kind: Deployment, name: target}]}}`).
				Run(t.Context(), "apply", "-n", restartsNamespace, "-f", "-")
			return err
		})
		for revision := range int64(2) { // as the syncer does
			var status v1beta1.VaultStaticSecretStatus
			status.Put(plan.Record{
				Generation: 1, Ready: "True", Since: time.Now(), Reason: plan.ReasonSynced, Secret: "app", SecretUID: "0b0c5a1e-1111", DataRevision: revision + 1,
			})
			ref := harness.Ref{Resource: v1beta1.GroupVersion.WithResource("vaultstaticsecrets"), Namespace: restartsNamespace, Name: "app"}
			if err := r.apiServer.Do(t.Context(), http.MethodPatch, ref.Path()+"/status", harness.MergePatch, []byte(asJSON(t, map[string]any{"status": status})), nil); err != nil {
				t.Fatal(err)
			}
			r.remembers(t, "target", fmt.Sprint("app.", revision+1))
			r.rolledOut(t, "target")
		}
		r.wantRestarts(t, "target", 1)
	})
	second.Stop() // a clean stop leaves nothing to wait for
	if err := r.restarter.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.rolledOut(t, "auto")
	r.put(t, "db")
	r.remembers(t, "auto", "db.3")
	r.wantRestarts(t, "auto", 2)
}

// records is an error where a Deployment does not remember something.
func (r *restarting) records(t *testing.T, name, want string) error {
	t.Helper()
	if got := r.get(t, name).Annotations[names.AnnotationRevisions]; len(got) < len(want) || got[:len(want)] != want {
		return fmt.Errorf("deployment %s remembers %q, want %s", name, got, want)
	}
	return nil
}
