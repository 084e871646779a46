package workload

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/revision"
	"github.com/secretgate/secretgate/syncer/internal/restart/rollout"
)

func TestWhetherARolloutMayBegin(t *testing.T) {
	const done = "status: {observedGeneration: 3, replicas: 2, updatedReplicas: 2, availableReplicas: 2, readyReplicas: 2}"
	const setDone = "status: {observedGeneration: 3, replicas: 2, updatedReplicas: 2, readyReplicas: 2, currentRevision: a, updateRevision: a}"
	const nodes = "status: {observedGeneration: 3, desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2}"
	for _, tc := range []struct {
		name, manifest string
		want           string // what is said of it
	}{
		{"a Deployment at rest", "kind: Deployment\nspec: {replicas: 2}\n" + done, ""},
		{"one whose change its controller has not seen", "kind: Deployment\nspec: {replicas: 2}\n" + strings.Replace(done, "n: 3", "n: 2", 1), "rolling"},
		{"one with an old pod more", "kind: Deployment\nspec: {replicas: 2}\n" + strings.Replace(done, "replicas: 2", "replicas: 3", 1), "rolling"},
		{"one with a pod that is not ready", "kind: Deployment\nspec: {replicas: 2}\n" + strings.Replace(done, "availableReplicas: 2", "availableReplicas: 1", 1), "rolling"},
		{"one whose rollout has failed", "kind: Deployment\nspec: {replicas: 2}\nstatus: {observedGeneration: 3, replicas: 3, updatedReplicas: 1, " +
			"availableReplicas: 2, conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded}]}", ""},
		{"one without replicas", "kind: Deployment\nspec: {replicas: 0}\nstatus: {observedGeneration: 2}", "idle"},
		{"one that is paused", "kind: Deployment\nspec: {replicas: 2, paused: true}\n" + done, "paused"},
		{"one that does not say how many", "kind: Deployment\nstatus: {observedGeneration: 3, replicas: 1, updatedReplicas: 1, availableReplicas: 1}", ""},
		{"a StatefulSet at rest", "kind: StatefulSet\nspec: {replicas: 2}\n" + setDone, ""},
		{"one with two revisions", "kind: StatefulSet\nspec: {replicas: 2}\nstatus: {observedGeneration: 3, updatedReplicas: 1, readyReplicas: 2, " +
			"currentRevision: a, updateRevision: b}", "rolling"},
		{"one that is updated as far as its partition", "kind: StatefulSet\nspec: {replicas: 2, updateStrategy: {rollingUpdate: {partition: 1}}}\n" +
			"status: {observedGeneration: 3, updatedReplicas: 1, readyReplicas: 2, currentRevision: a, updateRevision: b}", ""},
		{"one with a pod that is not ready, too", "kind: StatefulSet\nspec: {replicas: 2}\n" + strings.Replace(setDone, "readyReplicas: 2", "readyReplicas: 1", 1), "rolling"},
		{"one of OnDelete", "kind: StatefulSet\nspec: {replicas: 2, updateStrategy: {type: OnDelete}}\n" + setDone, "on delete"},
		{"a DaemonSet at rest", "kind: DaemonSet\n" + nodes, ""},
		{"one that is updated", "kind: DaemonSet\n" + strings.Replace(nodes, "updatedNumberScheduled: 2", "updatedNumberScheduled: 1", 1), "rolling"},
		{"one without nodes", "kind: DaemonSet\nstatus: {observedGeneration: 3}", "idle"},
		{"one that nothing has seen", "kind: DaemonSet\nstatus: {observedGeneration: 0}", "rolling"},
		{"one of OnDelete, too", "kind: DaemonSet\nspec: {updateStrategy: {type: OnDelete}}\n" + nodes, "on delete"},
		{"a Rollout at rest", "kind: Rollout\nspec: {replicas: 2}\nstatus: {phase: Healthy}", ""},
		{"one that progresses", "kind: Rollout\nspec: {replicas: 2}\nstatus: {phase: Progressing}", "rolling"},
		{"one that waits at a step", "kind: Rollout\nspec: {replicas: 2}\nstatus: {phase: Paused}", "rolling"},
		{"one that restarts", "kind: Rollout\nspec: {replicas: 2, restartAt: '2026-01-02T03:04:05Z'}\nstatus: {phase: Healthy}", "rolling"},
		{"one that has restarted", "kind: Rollout\nspec: {restartAt: '2026-01-02T03:04:05Z'}\nstatus: {phase: Healthy, restartedAt: '2026-01-02T03:04:05Z'}", ""},
		{"one whose change its controller has not seen, too", "kind: Rollout\nspec: {replicas: 2}\nstatus: {phase: Healthy, observedGeneration: '2'}", "rolling"},
		{"one of a version before 0.10, which has a hash there", "kind: Rollout\nspec: {replicas: 2}\nstatus: {phase: Healthy, observedGeneration: 5f79b78d7f}", ""},
		{"one that has failed", "kind: Rollout\nspec: {replicas: 2}\nstatus: {phase: Degraded}", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := workloadOf(t, tc.manifest)
			var got []string
			for _, one := range []struct {
				word string
				is   bool
			}{{"paused", w.Paused}, {"on delete", w.OnDelete}, {"idle", w.Idle}, {"rolling", w.Rolling}} {
				if one.is {
					got = append(got, one.word)
				}
			}
			if strings.Join(got, ", ") != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// workloadOf reads a manifest of generation 3.
func workloadOf(t *testing.T, manifest string) Workload {
	t.Helper()
	objects := map[string]metav1.Object{
		Deployment: &appsv1.Deployment{}, StatefulSet: &appsv1.StatefulSet{}, DaemonSet: &appsv1.DaemonSet{}, Rollout: &rollout.Rollout{},
	}
	kind := strings.TrimPrefix(strings.SplitN(manifest, "\n", 2)[0], "kind: ")
	object := objects[kind]
	if err := yaml.Unmarshal([]byte(manifest), object); err != nil {
		t.Fatal(err)
	}
	if object.GetGeneration() == 0 {
		object.SetGeneration(3)
	}
	w, ok := Options{}.Of(object)
	if !ok || w.Kind != kind {
		t.Fatalf("got kind %q, want %q", w.Kind, kind)
	}
	return w
}

func TestWhatAWorkloadRemembers(t *testing.T) {
	w := workloadOf(t, `kind: Deployment
metadata:
  annotations: {secretgate.io/restart: "true", secretgate.io/revisions: "db=a.2,unused=a.1", secretgate.io/restarted-at: "2026-01-02T03:04:05Z"}
spec:
  template:
    metadata: {annotations: {secretgate.io/revisions: "db=a.1,tls=b.1"}}
    spec: {containers: [{name: app, envFrom: [{secretRef: {name: db}}, {secretRef: {name: tls}}]}]}
`)
	if want := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC); !w.Restarted.Equal(want) {
		t.Errorf("got restarted at %s, want %s", w.Restarted, want)
	}
	// After a rollback the template is that of before, and its pods have started with what is there now.
	if diff := cmp.Diff(revision.List{secret("db"): "a.2", secret("tls"): "b.1"}, w.Remembered(nil)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	want := revision.List{secret("db"): "a.2", secret("tls"): "b.1", secret("unused"): "a.1"}
	if diff := cmp.Diff(want, w.Remembered(revision.List{secret("unused"): "a.7"})); diff != "" {
		t.Errorf("with an object that names the workload (-want +got):\n%s", diff)
	}
}
