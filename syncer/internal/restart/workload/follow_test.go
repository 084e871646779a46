package workload

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/revision"
	"github.com/secretgate/secretgate/syncer/internal/restart/rollout"
)

func secret(name string) revision.Source { return revision.Source{Kind: revision.Secret, Name: name} }

func configMap(name string) revision.Source {
	return revision.Source{Kind: revision.ConfigMap, Name: name}
}

// pod reads each of its Secrets and ConfigMaps another way.
const pod = `
initContainers:
  - name: migrate
    volumeMounts: [{name: for-init, mountPath: /init}]
containers:
  - name: app
    env:
      - {name: A, value: plain}
      - {name: B, valueFrom: {secretKeyRef: {name: env, key: b}}}
      - {name: C, valueFrom: {configMapKeyRef: {name: settings, key: c}}}
    envFrom: [{secretRef: {name: env-from}}, {configMapRef: {name: all-settings}}]
    volumeMounts: [{name: files, mountPath: /files}, {name: part, mountPath: /part, subPath: x}, {name: projected, mountPath: /projected}]
imagePullSecrets: [{name: pull}]
volumes:
  - {name: for-init, secret: {secretName: init}}
  - {name: files, secret: {secretName: files}}
  - {name: part, secret: {secretName: part}}
  - {name: projected, projected: {sources: [{secret: {name: in-projection}}, {configMap: {name: map-in-projection}}]}}
  - {name: unmounted, secret: {secretName: unmounted}}
`

func podSpec(t *testing.T) corev1.PodSpec {
	t.Helper()
	var spec corev1.PodSpec
	if err := yaml.UnmarshalStrict([]byte(pod), &spec); err != nil {
		t.Fatal(err)
	}
	return spec
}

func TestUses(t *testing.T) {
	spec := podSpec(t)
	want := Uses{
		secret("env"): true, secret("env-from"): true, secret("init"): true, secret("part"): true, secret("files"): false, secret("in-projection"): false,
		configMap("settings"): true, configMap("all-settings"): true, configMap("map-in-projection"): false,
	}
	if diff := cmp.Diff(want, usesOf(&spec)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

const reloaderDocs = "reloader.stakater.com/"

// TestFollows has each example of Reloader's documentation beside Secretgate's own annotation.
func TestFollows(t *testing.T) {
	secrets := []revision.Source{secret("env"), secret("env-from"), secret("files"), secret("elsewhere"), configMap("settings"), configMap("foreign")}
	none := []revision.Source(nil)
	type annotations = map[string]string
	for _, tc := range []struct {
		name          string
		own, template annotations
		offer         Offer // of all
		honour        bool
		want          []revision.Source
		onTemplate    bool // a Rollout restarts by its template
	}{
		{name: "a workload that asks for nothing", honour: true, want: none},
		{name: "true is every Secret that its pods read", own: annotations{names.AnnotationRestart: "true"},
			want: []revision.Source{secret("env"), secret("env-from"), secret("files")}},
		{name: "env is those that they read when they start alone", own: annotations{names.AnnotationRestart: "env"},
			want: []revision.Source{secret("env"), secret("env-from")}},
		{name: "names are those Secrets, read or not", own: annotations{names.AnnotationRestart: "files, elsewhere"},
			want: []revision.Source{secret("files"), secret("elsewhere")}},
		{name: "false is none, whatever Reloader's say", own: annotations{names.AnnotationRestart: "false", reloaderDocs + "auto": "true"}, honour: true, onTemplate: true, want: none},
		{name: "an object that says false restarts nothing", own: annotations{names.AnnotationRestart: "true"}, offer: Offer{Never: true}, want: none},
		{name: "Secretgate's annotation on the pod template is not read", template: annotations{names.AnnotationRestart: "true"}, want: none},
		{name: "an object that names the workload", offer: Offer{Targets: []Key{{Rollout, "ns", "web"}}}, want: secrets},
		{name: "an object that names another kind of workload", offer: Offer{Targets: []Key{{Deployment, "ns", "web"}}}, want: none},
		{name: "Reloader's annotations without the flag", own: annotations{reloaderDocs + "auto": "true"}, want: none},

		{name: "auto", own: annotations{reloaderDocs + "auto": "true"}, honour: true, onTemplate: true,
			want: []revision.Source{secret("env"), secret("env-from"), secret("files"), configMap("settings")}},
		{name: "auto for Secrets", own: annotations{"secret." + reloaderDocs + "auto": "true"}, honour: true, onTemplate: true,
			want: []revision.Source{secret("env"), secret("env-from"), secret("files")}},
		{name: "auto for ConfigMaps", own: annotations{"configmap." + reloaderDocs + "auto": "true"}, honour: true, onTemplate: true,
			want: []revision.Source{configMap("settings")}},
		{name: "auto that is false", own: annotations{reloaderDocs + "auto": "false"}, honour: true, want: none},
		{name: "named Secrets need no reference", own: annotations{"secret." + reloaderDocs + "reload": "elsewhere,env"}, honour: true, onTemplate: true,
			want: []revision.Source{secret("env"), secret("elsewhere")}},
		{name: "names are anchored patterns", own: annotations{"secret." + reloaderDocs + "reload": "env.*,file"}, honour: true, onTemplate: true,
			want: []revision.Source{secret("env"), secret("env-from")}},
		{name: "alternatives do not escape the anchors", own: annotations{"secret." + reloaderDocs + "reload": "e|els"}, honour: true, onTemplate: true, want: none},
		{name: "a pattern that is none names nothing", own: annotations{"secret." + reloaderDocs + "reload": "(,env"}, honour: true, onTemplate: true,
			want: []revision.Source{secret("env")}},
		{name: "named ConfigMaps", own: annotations{"configmap." + reloaderDocs + "reload": "foreign"}, honour: true, onTemplate: true, want: []revision.Source{configMap("foreign")}},
		{name: "search without match", own: annotations{reloaderDocs + "search": "true"}, honour: true, onTemplate: true, want: none},
		{name: "search and match", own: annotations{reloaderDocs + "search": "true"}, offer: Offer{Match: true}, honour: true, onTemplate: true,
			want: []revision.Source{secret("env"), secret("env-from"), secret("files"), configMap("settings")}},
		{name: "match without search", offer: Offer{Match: true}, honour: true, want: none},
		{name: "exclude wins over auto and names", own: annotations{
			reloaderDocs + "auto": "true", "secret." + reloaderDocs + "reload": "env", "secrets.exclude." + reloaderDocs + "reload": "env,files",
			"configmaps.exclude." + reloaderDocs + "reload": "settings"}, honour: true, onTemplate: true, want: []revision.Source{secret("env-from")}},
		{name: "ignore wins over all", own: annotations{reloaderDocs + "auto": "true", "secret." + reloaderDocs + "reload": ".*"}, offer: Offer{Ignore: true},
			honour: true, onTemplate: true, want: none},
		{name: "the pod template's annotations count where the workload has none", template: annotations{reloaderDocs + "auto": "true"}, honour: true,
			onTemplate: true, want: []revision.Source{secret("env"), secret("env-from"), secret("files"), configMap("settings")}},
		{name: "and not where it has one", own: annotations{"secret." + reloaderDocs + "reload": "elsewhere"}, template: annotations{reloaderDocs + "auto": "true"},
			honour: true, onTemplate: true, want: []revision.Source{secret("elsewhere")}},
		{name: "exclude on the pod template is not read", template: annotations{reloaderDocs + "auto": "true", "secrets.exclude." + reloaderDocs + "reload": "env"},
			honour: true, onTemplate: true, want: []revision.Source{secret("env"), secret("env-from"), secret("files"), configMap("settings")}},
		{name: "a Rollout that asks for a restart", own: annotations{reloaderDocs + "auto": "true", reloaderDocs + "rollout-strategy": "restart"}, honour: true,
			want: []revision.Source{secret("env"), secret("env-from"), secret("files"), configMap("settings")}},
		{name: "both kinds of annotations", own: annotations{names.AnnotationRestart: "elsewhere", "secret." + reloaderDocs + "auto": "true"}, honour: true,
			want: []revision.Source{secret("env"), secret("env-from"), secret("files"), secret("elsewhere")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, ok := Options{Reloader: tc.honour}.Of(&rollout.Rollout{
				ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "web", Annotations: tc.own},
				Spec:       rollout.Spec{Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Annotations: tc.template}, Spec: podSpec(t)}},
			})
			if !ok {
				t.Fatal("it is no workload")
			}
			var got []revision.Source
			for _, source := range secrets {
				if w.Follows(source, tc.offer) {
					got = append(got, source)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || w.OnTemplate != tc.onTemplate {
				t.Errorf("on the template: got %t, want %t; follows (-want +got):\n%s", w.OnTemplate, tc.onTemplate, diff)
			}
		})
	}
}

// A workload is never paused for a period, as Reloader has it: changes within the period are one restart after it.
func TestPausePeriodIsALeastInterval(t *testing.T) {
	for _, tc := range []struct {
		text string
		want time.Duration
	}{{"5m", 5 * time.Minute}, {"", 0}, {"soon", 0}, {"-5m", 0}, {"1000h", maxPause}} {
		r := Options{Reloader: true}.rules(map[string]string{reloaderPause: tc.text}, nil)
		if got := r.Interval(); got != tc.want {
			t.Errorf("%q: got %s, want %s", tc.text, got, tc.want)
		}
	}
}

func TestKinds(t *testing.T) {
	if diff := cmp.Diff([]string{Deployment, StatefulSet, DaemonSet, Rollout}, Kinds()); diff != "" {
		t.Error(diff)
	}
}

// The strategies have misled users of Reloader (its issues 1011, 1015, 1069 and 769): there is one way for each kind, but for Rollouts.
func TestTheStrategyIsOfRolloutsAlone(t *testing.T) {
	for _, strategy := range []string{"", "restart", "rollout", "env-vars", "annotations"} {
		own := map[string]string{reloaderAuto: "true", reloaderStrategy: strategy}
		for _, object := range []metav1.Object{
			&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Annotations: own}}, &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Annotations: own}},
			&appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Annotations: own}},
		} {
			if w, ok := (Options{Reloader: true}).Of(object); !ok || !w.OnTemplate {
				t.Errorf("strategy %q: got %s restarted otherwise than by its template", strategy, w.Kind)
			}
		}
	}
}

// What runs once must not run again for a Secret (Reloader's issue 822: it started Jobs of suspended CronJobs).
func TestWhatIsNoWorkloadIsLeftAlone(t *testing.T) {
	about := metav1.ObjectMeta{Namespace: "ns", Name: "web", Annotations: map[string]string{names.AnnotationRestart: "true", reloaderAuto: "true"}}
	for _, object := range []metav1.Object{
		&batchv1.Job{ObjectMeta: about}, &batchv1.CronJob{ObjectMeta: about}, &corev1.Pod{ObjectMeta: about}, &appsv1.ReplicaSet{ObjectMeta: about},
	} {
		if w, ok := (Options{Reloader: true}).Of(object); ok {
			t.Errorf("got %T as a workload to restart: %+v", object, w)
		}
	}
}
