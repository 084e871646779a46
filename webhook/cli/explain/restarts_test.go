package explain

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/vso"
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/webhook/cli/shape"
)

// restarting is an object whose Secret has revision 3f2a91c0.8, and names Deployment named.
const restarting = `
metadata: {name: db, namespace: core, generation: 1}
spec: {mount: kv, path: a, type: kv-v2, destination: {name: db, create: true}, rolloutRestartTargets: [{kind: Deployment, name: named}]}
status:
  lastGeneration: 1
  conditions:
  - {type: Ready, status: "True", reason: SecretSynced, message: Secret synced, lastTransitionTime: "2026-01-02T03:04:05Z"}
  - {type: RestartPending, status: "True", reason: SeveralReasons, lastTransitionTime: "2026-01-02T03:04:05Z",
     message: "pods still have the previous Secret. Paused: Deployment web: it is paused. OnDelete: StatefulSet web: by hand"}
  sync: {secretName: db, secretUID: 3f2a91c0-1111, dataRevision: 8}
`

func TestRestarts(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const old, current = "3f2a91c0.7", "3f2a91c0.8"
	for _, tc := range []struct {
		name, kind, workload string
		annotations          map[string]string
		want                 *shape.Restarts
	}{
		{"its pods have what the Secret has", "Deployment", "api", map[string]string{"secretgate.io/restart": "true", "secretgate.io/revisions": "db=" + current},
			&shape.Restarts{Has: current, Is: current}},
		{"it was restarted", "Deployment", "api", map[string]string{"secretgate.io/restart": "true", "secretgate.io/revisions": "db=" + current, "secretgate.io/restarted-at": "2026-01-02T03:04:05Z"},
			&shape.Restarts{Has: current, Is: current, Restarted: &at}},
		{"it waits, and the object says for what", "Deployment", "web", map[string]string{"secretgate.io/restart": "db", "secretgate.io/revisions": "a=1.1,db=" + old},
			&shape.Restarts{Has: old, Is: current, Pending: true, Waits: "Paused", Meaning: "it is paused"}},
		{"one of another kind and the same name waits for something else", "StatefulSet", "web", map[string]string{"secretgate.io/revisions": "db=" + old},
			&shape.Restarts{Has: old, Is: current, Pending: true, Waits: "OnDelete", Meaning: "by hand"}},
		{"it is in its quiet period", "Rollout", "api", map[string]string{"secret.reloader.stakater.com/reload": "d.*", "secretgate.io/revisions": "db=" + old},
			&shape.Restarts{Has: old, Is: current, Pending: true}},
		{"the object names it", "Deployment", "named", map[string]string{"secretgate.io/revisions": "db=" + old}, &shape.Restarts{Has: old, Is: current, Pending: true}},
		{"it has left off, and keeps its record", "Deployment", "api", map[string]string{"secretgate.io/revisions": "db=" + old}, nil},
		{"it opted out", "Deployment", "web", map[string]string{"secretgate.io/restart": "false", "secretgate.io/revisions": "db=" + old}, nil},
		{"it follows another Secret", "Deployment", "web", map[string]string{"secretgate.io/restart": "true", "secretgate.io/revisions": "tls=" + old}, nil},
		{"it was not seen yet", "Deployment", "web", map[string]string{"secretgate.io/restart": "true"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			installation := vso.Dialect().New()
			installation.Bind(settings.NewSection("vso", func(string) (string, bool) { return "", false }), dialect.Check)
			if err := installation.Finish(settings.Policy{}); err != nil {
				t.Fatal(err)
			}
			kind := installation.Kinds()[0]
			object := kind.New()
			if err := yaml.UnmarshalStrict([]byte(restarting), object); err != nil {
				t.Fatal(err)
			}
			w := metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{Kind: tc.kind}, ObjectMeta: metav1.ObjectMeta{Name: tc.workload, Annotations: tc.annotations}}
			var want []shape.Restarts
			if tc.want != nil {
				tc.want.Kind, tc.want.Name = tc.kind, tc.workload
				want = append(want, *tc.want)
			}
			if diff := cmp.Diff(want, Restarts([]metav1.PartialObjectMetadata{w}, "db", kind, object)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
