package explain

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/webhook/cli/shape"
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func TestNextRead(t *testing.T) {
	no := false
	synced := plan.Record{Ready: metav1.ConditionTrue, Reason: plan.ReasonSynced, Generation: 1, LastSync: now.Add(-time.Minute)}
	failing := plan.Record{Ready: metav1.ConditionFalse, Reason: plan.ReasonThrottled, Generation: 1, LastSync: now}
	late := synced
	late.LastSync = now.Add(-9 * time.Minute)
	for name, c := range map[string]struct {
		verdict string // permitted, if empty
		record  plan.Record
		change  func(*Subject)
		within  time.Duration // 0: it is not known
		every   string
		why     string
	}{
		"an object that is synced, an interval after the last sync": {record: synced, within: 4 * time.Minute, every: "5m0s", why: "the last sync and the interval of 5m0s"},
		"a status without news, an interval from now":               {record: late, within: 5 * time.Minute, every: "5m0s", why: "the last sync and the interval of 5m0s"},
		"an object with an interval of its own": {record: synced, within: 9 * time.Minute, every: "10m0s", why: "the last sync and the interval of 10m0s",
			change: func(s *Subject) { s.Plan.Refresh.Interval = 10 * time.Minute }},
		"a read that failed": {record: failing, within: 5 * time.Minute, every: "5m0s",
			why: "a read that failed is repeated, first after a second, at last every 5m0s"},
		"a read that failed, of a short interval": {record: failing, within: time.Minute, every: "1m0s",
			why: "a read that failed is repeated, first after a second, at last every 1m0s", change: func(s *Subject) { s.Plan.Refresh.Interval = time.Minute }},
		"an object that is read once": {record: synced, why: "never by itself: after an edit, or a refresh that is requested",
			change: func(s *Subject) { s.Plan.Refresh.Never = true }},
		"polling that is turned off": {record: synced, why: "never by itself: after an edit, or a refresh that is requested",
			change: func(s *Subject) { s.Refresh.Disabled = true }},
		"polling that is turned off, and a read that failed": {record: failing, within: 5 * time.Minute,
			why: "a read that failed is repeated, first after a second, at last every 5m0s", change: func(s *Subject) { s.Refresh.Disabled = true }},
		"an object that is suspended": {record: synced, why: "never: it rests", change: func(s *Subject) { s.Plan.Suspend = true }},
		"an object that policy denies": {verdict: shape.Denied, record: synced,
			why: "policy forbids it: after an edit of the object or of the namespace's annotations"},
		"an object that cannot be understood": {verdict: shape.Invalid, record: synced, why: "the object cannot be understood: after an edit",
			change: func(s *Subject) { s.Plan = nil }},
		"an object that is not served": {record: synced, why: "the installed syncer does not serve this object: never by it",
			change: func(s *Subject) { s.Served = &no }},
		"what it refers to is not there": {record: synced, why: "what the object refers to is not there: as soon as it is",
			change: func(s *Subject) { s.Missing = field.ErrorList{field.NotFound(nil, "x")} }},
		"an object that was never tried": {why: "the syncer has not tried yet: within seconds, if a syncer runs and serves it"},
		"an object that was edited": {record: synced, why: "the object was edited since the last sync: within seconds, if a syncer runs and serves it",
			change: func(s *Subject) { s.Plan.Generation = 2 }},
		"a refresh that is requested": {record: synced, why: "a refresh was requested: within seconds, if a syncer runs and serves it",
			change: func(s *Subject) { s.Plan.ForceSync = "x" }},
	} {
		t.Run(name, func(t *testing.T) {
			s := Subject{Plan: &plan.Plan{Generation: 1, Words: &plan.Words{Paused: "it rests"}}, Refresh: Refresh{Interval: 5 * time.Minute}, Now: now}
			if c.change != nil {
				c.change(&s)
			}
			want := shape.NextRead{Every: c.every, Why: c.why}
			if c.within > 0 {
				want.By = at(now.Add(c.within))
			}
			if diff := cmp.Diff(want, s.nextRead(c.verdict, c.record)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAccess(t *testing.T) {
	const key, role = names.AnnotationPermittedKeyName, names.AnnotationPermittedRole
	for name, c := range map[string]struct {
		query    Query
		given    map[string]string
		settings policy.Settings
		want     string
		narrowed []string // of what
	}{
		"without an annotation there is no limit":       {query: Query{Key: "dev/a"}, want: shape.NoLimit},
		"a pattern permits":                             {query: Query{Key: "dev/a"}, given: map[string]string{key: "dev/.*"}, want: shape.Permitted},
		"no pattern permits":                            {query: Query{Key: "prod"}, given: map[string]string{key: "dev/.*"}, want: shape.Denied},
		"an annotation that is demanded lacks":          {query: Query{Key: "dev/a"}, settings: policy.Settings{Enforce: true}, want: shape.Denied},
		"that of roles is not, without a role":          {query: Query{Key: "dev/a"}, settings: policy.Settings{Enforce: true}, given: map[string]string{key: ".*"}, want: shape.Permitted},
		"a role that is permitted":                      {query: Query{Key: "k", Roles: []string{"a"}}, given: map[string]string{role: "a|b"}, want: shape.Permitted},
		"a role that is not":                            {query: Query{Key: "k", Roles: []string{"c"}}, given: map[string]string{role: "a|b"}, want: shape.Denied},
		"one of two roles is enough":                    {query: Query{Key: "k", Roles: []string{"a", "c"}}, given: map[string]string{role: "a|b"}, want: shape.Permitted},
		"a role of no matter to the key":                {query: Query{Key: "k", Roles: []string{"a"}}, given: map[string]string{key: "j", role: "a"}, want: shape.Denied},
		"what else is limited narrows it":               {query: Query{Key: "k"}, given: map[string]string{role: "a", names.AnnotationPermittedRegion: "b"}, want: shape.NoLimit, narrowed: []string{"role", "region"}},
		"what another backend limits does not":          {query: Query{Key: "k", Backend: backend.AzureKeyVault}, given: map[string]string{names.AnnotationPermittedRegion: "b"}, want: shape.NoLimit},
		"a namespace that demands a role narrows it":    {query: Query{Key: "k", Backend: backend.AlicloudKMS}, given: map[string]string{names.AnnotationRequireRole: "true"}, want: shape.NoLimit, narrowed: []string{"role"}},
		"limits on servers that stores choose, as well": {query: Query{Key: "k", Backend: backend.Vault}, given: map[string]string{names.AnnotationPermittedVaultServer: "s"}, want: shape.NoLimit, narrowed: []string{"address"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Access(c.query, policy.Namespace{Name: "core", Annotations: c.given}, c.settings)
			var narrowed []string
			for _, n := range got.Narrowed {
				narrowed = append(narrowed, n.Of)
			}
			if diff := cmp.Diff(c.narrowed, narrowed); got.Verdict != c.want || diff != "" {
				t.Errorf("got %q, want %q; narrowed (-want +got):\n%s", got.Verdict, c.want, diff)
			}
		})
	}
}

func TestReads(t *testing.T) {
	source := func(key string, path, recursive bool) plan.Source {
		return plan.Source{Store: plan.Store{Backend: "b", Role: "r"}, Read: plan.Read{Key: key, Path: path, Recursive: recursive}}
	}
	for name, c := range map[string]struct {
		query  Query
		source plan.Source
		want   bool
	}{
		"the key itself":              {Query{Key: "/a/b"}, source("/a/b", false, false), true},
		"another key":                 {Query{Key: "/a/b"}, source("/a/c", false, false), false},
		"a path above it":             {Query{Key: "/a/b"}, source("/a", true, false), true},
		"a path that ends in a slash": {Query{Key: "/a/b"}, source("/a/", true, false), true},
		"a path far above it":         {Query{Key: "/a/b/c"}, source("/a", true, false), false},
		"a recursive one":             {Query{Key: "/a/b/c"}, source("/a", true, true), true},
		"a path that begins alike":    {Query{Key: "/ab/c"}, source("/a", true, true), false},
		"the path itself":             {Query{Key: "/a"}, source("/a", true, true), false},
		"another backend":             {Query{Key: "/a", Backend: "c"}, source("/a", false, false), false},
		"another role":                {Query{Key: "/a", Roles: []string{"s"}}, source("/a", false, false), false},
		"one of the roles":            {Query{Key: "/a", Roles: []string{"s", "r"}}, source("/a", false, false), true},
	} {
		if got := c.query.reads(c.source); got != c.want {
			t.Errorf("%s: got %t, want %t", name, got, c.want)
		}
	}
}

func TestPods(t *testing.T) {
	started := func(ago time.Duration) corev1.PodStatus {
		return corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
			Name: "c", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(now.Add(-ago))}},
		}}}
	}
	volume := corev1.Volume{Name: "v", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "db"}}}
	projected := corev1.Volume{Name: "v", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
		{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{}},
		{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "db"}}},
	}}}}
	fromSecret := func(name string) []corev1.EnvVar {
		return []corev1.EnvVar{{Name: "PASSWORD", ValueFrom: &corev1.EnvVarSource{
			SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: name}},
		}}}
	}
	for name, c := range map[string]struct {
		spec   corev1.PodSpec
		status corev1.PodStatus
		want   []shape.Use
		stale  bool
	}{
		"a volume follows the Secret": {
			corev1.PodSpec{Volumes: []corev1.Volume{volume}, Containers: []corev1.Container{{Name: "c", VolumeMounts: []corev1.VolumeMount{{Name: "v"}}}}},
			started(2 * time.Hour), []shape.Use{{How: "volume", Container: "c", Name: "v"}}, false,
		},
		"a subPath does not": {
			corev1.PodSpec{Volumes: []corev1.Volume{projected}, Containers: []corev1.Container{{Name: "c", VolumeMounts: []corev1.VolumeMount{{Name: "v", SubPath: "x"}}}}},
			started(2 * time.Hour), []shape.Use{{How: "subPath", Container: "c", Name: "v"}}, true,
		},
		"a variable is as the Secret was at the start": {
			corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Env: fromSecret("db")}}},
			started(2 * time.Hour), []shape.Use{{How: "env", Container: "c", Name: "PASSWORD"}}, true,
		},
		"which may have been after the change": {
			corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Env: fromSecret("db")}}},
			started(time.Minute), []shape.Use{{How: "env", Container: "c", Name: "PASSWORD"}}, false,
		},
		"all variables, of an init container": {
			corev1.PodSpec{InitContainers: []corev1.Container{{Name: "i", EnvFrom: []corev1.EnvFromSource{{
				SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "db"}},
			}}}}},
			started(2 * time.Hour), []shape.Use{{How: "env", Container: "i"}}, false,
		},
		"a pull secret": {
			corev1.PodSpec{ImagePullSecrets: []corev1.LocalObjectReference{{Name: "db"}}},
			started(2 * time.Hour), []shape.Use{{How: "imagePullSecret"}}, false,
		},
		"another Secret": {corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Env: fromSecret("other")}}}, started(2 * time.Hour), nil, false},
		"a volume that no container mounts": {corev1.PodSpec{Volumes: []corev1.Volume{volume}, Containers: []corev1.Container{{Name: "c"}}},
			started(2 * time.Hour), nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: c.spec, Status: c.status}
			want := []shape.Pod{}
			if c.want != nil {
				want = append(want, shape.Pod{Name: "p", Phase: "Running", Uses: c.want, Outdated: c.stale})
			}
			if diff := cmp.Diff(want, Pods([]corev1.Pod{pod}, "db", now.Add(-time.Hour))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhoseSecretItIs(t *testing.T) {
	object := &metav1.ObjectMeta{UID: "u"}
	for name, c := range map[string]struct {
		secret metav1.ObjectMeta
		want   bool
	}{
		"an owner reference proves it": {metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{UID: "u"}}}, true},
		"an annotation, too":           {metav1.ObjectMeta{Annotations: map[string]string{names.AnnotationOwnerUID: "u"}}, true},
		"that of another does not":     {metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{UID: "v"}}}, false},
	} {
		if got := Owned(&c.secret, object); got != c.want {
			t.Errorf("%s: got %t, want %t", name, got, c.want)
		}
	}
	early, late := metav1.NewTime(now), metav1.NewTime(now.Add(time.Hour))
	got := Changed(&metav1.ObjectMeta{ManagedFields: []metav1.ManagedFieldsEntry{
		{Manager: names.FieldManager, Time: &early}, {Manager: "kubectl", Time: &late},
	}})
	if !got.Equal(now) {
		t.Errorf("got %s, want when the syncer last wrote it, %s", got, now)
	}
}

func TestCount(t *testing.T) {
	kind := all.Dialects()[0].New().Kinds()[0]
	object := func(namespace string, reason plan.Reason) dialect.Object {
		o := kind.New()
		o.SetNamespace(namespace)
		if reason != "" {
			kind.Status(o).Put(plan.Record{Ready: metav1.ConditionFalse, Reason: reason})
		}
		return o
	}
	got := Count(kind, []dialect.Object{object("b", plan.ReasonThrottled), object("a", plan.ReasonThrottled), object("b", ""), object("b", plan.ReasonThrottled)})
	name := kind.Type().Kind
	want := []shape.ObjectsCount{
		{Namespace: "a", Kind: name, Reason: "BackendThrottled", Count: 1}, {Namespace: "b", Kind: name, Count: 1},
		{Namespace: "b", Kind: name, Reason: "BackendThrottled", Count: 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatOnlySomeNamespacesMayUseIsALimitOfTheObject(t *testing.T) {
	for name, c := range map[string]struct {
		namespace, verdict, message string
	}{
		"a namespace that may": {"core", shape.Permitted, ""},
		"another one":          {"prod", shape.Denied, `Forbidden: ClusterStore shared admits other namespaces only, and not "prod": see its spec.conditions`},
	} {
		t.Run(name, func(t *testing.T) {
			kind := all.Dialects()[0].New().Kinds()[0]
			p := &plan.Plan{
				Words: &plan.Words{}, Entries: []plan.Entry{{Field: "spec.data[0]"}}, // whose store is not there, and so not known
				Confined: []plan.Confined{{At: "spec.storeRef", What: "ClusterStore shared", By: "spec.conditions", To: []plan.NamespaceMatch{{Names: []string{"core"}}}}},
			}
			got := Why(Subject{Kind: kind, Object: kind.New(), Plan: p, Namespace: policy.Namespace{Name: c.namespace}, Known: true, Now: now})
			want := []shape.Limit{{Verdict: c.verdict, Of: "confined", Field: "spec.storeRef", Value: "ClusterStore shared", Message: c.message}}
			if diff := cmp.Diff(want, got.Limits); diff != "" || got.Verdict != c.verdict {
				t.Errorf("got verdict %s; limits (-want +got):\n%s", got.Verdict, diff)
			}
		})
	}
}
