package restart

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/revision"
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/syncer/internal/restart/workload"
)

// kindOf is a kind of a dialect, with the defaults of an installation.
func kindOf(t *testing.T, name string) dialect.Kind {
	t.Helper()
	for _, d := range all.Dialects() {
		if d.Name != name {
			continue
		}
		installation := d.New()
		installation.Bind(settings.NewSection(name, func(string) (string, bool) { return "", false }), dialect.Syncer)
		if err := installation.Finish(settings.Policy{}); err != nil {
			t.Fatal(err)
		}
		return installation.Kinds()[0]
	}
	t.Fatalf("there is no dialect %s", name)
	return nil
}

const (
	ofKES = `{metadata: {name: db, namespace: ns, generation: 2}, spec: {backendType: vault, vaultMountPoint: m, vaultRole: r, data: [{key: a, name: a}],
		template: {metadata: {annotations: {reloader.stakater.com/match: "true"}}}}}`
	ofTuenti = `{metadata: {name: db, namespace: ns, generation: 2, annotations: {reloader.stakater.com/ignore: "true"}}, spec: {name: of-db, keysMap: {a: {path: secret/data/a, key: a}}}}`
	ofESO    = `{metadata: {name: db, namespace: ns, generation: 2}, spec: {secretStoreRef: {name: s}, data: [{secretKey: a, remoteRef: {key: a}}],
		target: {name: of-db, template: {metadata: {annotations: {reloader.stakater.com/match: "true"}}}}}}`
	ofVSO = `{metadata: {name: db, namespace: ns, generation: 2}, spec: {mount: kv, path: a, type: kv-v2, destination: {name: of-db, create: true,
		annotations: {reloader.stakater.com/match: "true"}}, rolloutRestartTargets: [{kind: Deployment, name: web}, {kind: argo.Rollout, name: canary}]}}`
)

func TestWhatObjectsSayOfTheirSecrets(t *testing.T) {
	const uid = "3f2a91c0-1111-2222-3333-444455556666"
	synced := plan.Record{Generation: 2, Ready: metav1.ConditionTrue, Reason: plan.ReasonSynced, Secret: "of-db", SecretUID: uid, DataRevision: 7}
	with := func(change func(r *plan.Record)) plan.Record {
		r := synced
		change(&r)
		return r
	}
	targets := []Key{{Kind: "Deployment", Namespace: "ns", Name: "web"}, {Kind: "Rollout", Namespace: "ns", Name: "canary"}}
	db := revision.Source{Kind: revision.Secret, Name: "of-db"}
	for _, tc := range []struct {
		name, dialect, object string
		record                plan.Record
		reloader              bool
		want                  made
		uncounted             bool
	}{
		{"kubernetes-external-secrets'", "kes", ofKES, synced, true, made{source: db, uid: uid, count: 7, offer: workload.Offer{Match: true}}, false},
		{"secrets-manager's", "tuenti", ofTuenti, synced, true, made{source: db, uid: uid, count: 7, offer: workload.Offer{Ignore: true}}, false},
		{"External Secrets Operator's", "eso", ofESO, synced, true, made{source: db, uid: uid, count: 7, offer: workload.Offer{Match: true}}, false},
		{"Vault Secrets Operator's names workloads", "vso", ofVSO, synced, true,
			made{source: db, uid: uid, count: 7, offer: workload.Offer{Match: true, Targets: targets}}, false},
		{"Reloader's annotations do not count", "eso", ofESO, synced, false, made{source: db, uid: uid, count: 7}, false},
		{"one that was not synced yet", "eso", ofESO, plan.Record{}, false, made{source: db}, false},
		{"one that was edited", "kes", ofKES, with(func(r *plan.Record) { r.Generation = 1 }), false, made{source: db, uid: uid, count: 7, refreshing: true}, false},
		{"one that fails", "kes", ofKES, with(func(r *plan.Record) {
			r.Ready, r.Reason, r.Message = metav1.ConditionFalse, plan.ReasonUnavailable, "x"
		}), false,
			made{source: db, uid: uid, count: 7, refreshing: true}, false},
		{"one that is suspended", "kes", ofKES, with(func(r *plan.Record) { r.Reason, r.Generation = plan.ReasonSuspended, 1 }), false,
			made{source: db, uid: uid, count: 7}, false},
		{"one whose CRD has no place for the count", "vso", ofVSO, with(func(r *plan.Record) { r.SecretUID, r.DataRevision = "", 0 }), false,
			made{source: db, offer: workload.Offer{Targets: targets}}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			kind := kindOf(t, tc.dialect)
			object := kind.New()
			if err := yaml.Unmarshal([]byte(tc.object), object); err != nil {
				t.Fatal(err)
			}
			kind.Status(object).Put(tc.record)
			got, uncounted := read(kind, object, tc.reloader)
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(made{})); diff != "" || uncounted != tc.uncounted {
				t.Errorf("uncounted: got %t, want %t; -want +got:\n%s", uncounted, tc.uncounted, diff)
			}
		})
	}
}

func TestTheCacheKeepsWhatRestartsRead(t *testing.T) {
	const manifest = `
metadata:
  name: web
  labels: {team: a}
  annotations: {secretgate.io/restart: "true", secret.reloader.stakater.com/reload: db, kubectl.kubernetes.io/last-applied-configuration: "{}", note: long}
  managedFields: [{manager: kubectl}]
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {secretgate.io/revisions: db=a.1, note: long}}
    spec:
      serviceAccountName: web
      initContainers: [{name: init, image: x, command: [x], envFrom: [{secretRef: {name: init}}]}]
      containers:
        - name: app
          image: x
          env: [{name: A, value: plain}, {name: B, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, {name: C, valueFrom: {secretKeyRef: {name: db, key: c}}}]
          volumeMounts: [{name: files, mountPath: /files}]
          resources: {limits: {memory: 1Gi}}
      volumes: [{name: files, secret: {secretName: files}}, {name: scratch, emptyDir: {}}]
`
	whole, stripped := &appsv1.Deployment{}, &appsv1.Deployment{}
	for _, d := range []*appsv1.Deployment{whole, stripped} {
		if err := yaml.UnmarshalStrict([]byte(manifest), d); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Strip(stripped); err != nil {
		t.Fatal(err)
	}
	options := workload.Options{Reloader: true}
	before, _ := options.Of(whole)
	after, _ := options.Of(stripped)
	source := revision.Source{Kind: revision.Secret, Name: "db"}
	if diff := cmp.Diff(before.Uses, after.Uses); diff != "" || !after.Follows(source, workload.Offer{}) || len(after.Uses) != 3 {
		t.Errorf("what it reads (-whole +stripped):\n%s", diff)
	}
	if diff := cmp.Diff(before.Recorded, after.Recorded); diff != "" {
		t.Errorf("what it remembers (-whole +stripped):\n%s", diff)
	}
	c := stripped.Spec.Template.Spec.Containers[0]
	if len(stripped.ManagedFields)+len(stripped.Labels)+len(stripped.Spec.Template.Spec.ServiceAccountName) > 0 || c.Image != "" || len(c.Env) != 1 || cap(c.Env) != 1 ||
		len(stripped.Annotations) != 2 || len(stripped.Spec.Template.Annotations) != 1 || len(stripped.Spec.Template.Spec.Volumes) != 1 {
		t.Errorf("it keeps more than restarts read: %+v", stripped)
	}
}

func TestTheCacheKeepsADigestOfConfigMaps(t *testing.T) {
	digests := map[string]string{}
	for name, m := range map[string]*corev1.ConfigMap{
		"nothing":      {},
		"an entry":     {Data: map[string]string{"a": "b=c"}},
		"two entries":  {Data: map[string]string{"a": "b", "c": ""}},
		"a shift":      {Data: map[string]string{"a=b": "c"}},
		"binary":       {BinaryData: map[string][]byte{"a": []byte("b=c")}},
		"another text": {Data: map[string]string{"a": "b=d"}},
	} {
		for range 2 { // a list is stripped page by page, and then as all that comes into the cache
			if _, err := Strip(m); err != nil {
				t.Fatal(err)
			}
		}
		says := readConfigMap(m)
		if other := digests[says.revision()]; other != "" || says.revision() == "" || len(m.Data) != 1 || m.BinaryData != nil {
			t.Errorf("%s: got %q, which %q has, too, and data %v", name, says.revision(), other, m.Data)
		}
		digests[says.revision()] = name
	}
	m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{
		workload.ReloaderIgnore: "true", workload.ReloaderMatch: "true", "secretgate.io/restart": "false",
	}}}
	if diff := cmp.Diff(workload.Offer{Never: true, Match: true, Ignore: true}, readConfigMap(m).offer); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
