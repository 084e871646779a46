package restart

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/revision"
	"github.com/secretgate/secretgate/syncer/internal/restart/decision"
	"github.com/secretgate/secretgate/syncer/internal/restart/rollout"
	"github.com/secretgate/secretgate/syncer/internal/restart/workload"
)

// rolloutTime is how long the rollouts of a simulation take.
const rolloutTime = 20 * time.Second

// simulation is a cluster with a controller of Deployments, in fake time.
type simulation struct {
	t        *testing.T
	r        *Reconciler
	api      client.WithWatch
	now      time.Time
	due      map[Key]time.Time
	rollouts map[Key]time.Time // when they end
	restarts map[Key][]time.Time
	fail     func(key Key) error // what a patch is answered
	drop     bool                // a patch is accepted, and has no effect
	counts   map[string]int64    // revisions of Secrets, by namespace/name

	conditions map[Key]*metav1.Condition // of objects
	reports    int                       // that were written to them
}

func simulate(t *testing.T, options workload.Options, objects ...client.Object) *simulation {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, eventsv1.AddToScheme, rollout.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	s := &simulation{
		t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), due: map[Key]time.Time{}, rollouts: map[Key]time.Time{},
		restarts: map[Key][]time.Time{}, counts: map[string]int64{}, conditions: map[Key]*metav1.Condition{},
	}
	s.api = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(&appsv1.Deployment{}).Build()
	s.start(options)
	return s
}

// start begins a process anew: it sees all that there is.
func (s *simulation) start(options workload.Options) {
	s.due = map[Key]time.Time{}
	s.r = &Reconciler{
		Limits: decision.Limits{Quiet: 10 * time.Second, MaxWait: 2 * time.Minute, MinInterval: 5 * time.Minute, RolloutTimeout: 10 * time.Minute},
		Budget: decision.Budget{Namespace: 10, Cluster: 60}, Options: options, Metrics: NewMetrics(), Instance: "test",
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return s.now },
		Client: interceptor.NewClient(s.api, interceptor.Funcs{Patch: s.patch, SubResourceApply: s.apply}),
	}
	s.r.cluster.budget, s.r.look = s.r.Budget, s.look
	all := &appsv1.DeploymentList{}
	if err := s.api.List(s.t.Context(), all); err != nil {
		s.t.Fatal(err)
	}
	for i := range all.Items {
		s.see(&all.Items[i])
	}
	for name, count := range s.counts {
		namespace, secret, _ := strings.Cut(name, "/")
		s.secret(namespace, secret, count)
	}
}

func (s *simulation) patch(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	key := Key{Kind: object.GetObjectKind().GroupVersionKind().Kind, Namespace: object.GetNamespace(), Name: object.GetName()}
	if s.fail != nil {
		if err := s.fail(key); err != nil {
			return err
		}
	}
	if s.drop {
		return c.Get(ctx, clientKey(key), object)
	}
	if err := c.Patch(ctx, object, patch, options...); err != nil {
		return err
	}
	if raw, _ := patch.Data(object); strings.Contains(string(raw), `"spec"`) {
		s.restarts[key] = append(s.restarts[key], s.now)
		if key.Kind == workload.Deployment {
			s.rollouts[key] = s.now.Add(rolloutTime)
		}
	}
	return nil
}

// look is what the queue does.
func (s *simulation) look(keys []Key) {
	for _, key := range keys {
		at := s.now
		if !isWorkload(key) {
			at = s.now.Add(reportDelay)
		}
		if before, is := s.due[key]; !is || at.Before(before) {
			s.due[key] = at
		}
	}
}

// see is a watch's event.
func (s *simulation) see(object client.Object) { s.look(s.r.seeWorkload(object, false)) }

func (s *simulation) get(key Key) *appsv1.Deployment {
	s.t.Helper()
	d := &appsv1.Deployment{}
	if err := s.api.Get(s.t.Context(), client.ObjectKey{Namespace: key.Namespace, Name: key.Name}, d); err != nil {
		s.t.Fatal(err)
	}
	return d
}

// secret is an object's status that says another revision.
func (s *simulation) secret(namespace, name string, count int64) {
	s.counts[namespace+"/"+name] = count
	says := made{
		source: revision.Source{Kind: revision.Secret, Name: name}, uid: "uid-" + name, count: count,
		reports: &objectGVK, condition: s.conditions[Key{Kind: objectKind, Namespace: namespace, Name: name}],
	}
	s.set(namespace, maker{objectKind, name}, &says)
}

// objectKind is that of the objects of a simulation.
const objectKind = "ExternalSecret.kubernetes-client.io"

var objectGVK = schema.GroupVersionKind{Group: "kubernetes-client.io", Version: "v1", Kind: "ExternalSecret"}

func (s *simulation) set(namespace string, by maker, says *made) {
	s.look(s.r.cluster.setMaker(namespace, by, says))
}

// pass lets time pass, second by second.
func (s *simulation) pass(d time.Duration) {
	s.t.Helper()
	for end := s.now.Add(d); s.now.Before(end); s.now = s.now.Add(time.Second) {
		s.endRollouts()
		for s.work() {
		}
	}
}

// work reconciles what is due, and reports whether there was something.
func (s *simulation) work() bool {
	var keys []Key
	for key, at := range s.due {
		if !at.After(s.now) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b Key) int { return strings.Compare(a.Name, b.Name) })
	for _, key := range keys {
		delete(s.due, key)
		before := s.version(key)
		result, err := s.r.Reconcile(s.t.Context(), key)
		if err != nil {
			result.RequeueAfter = time.Second
		}
		if result.RequeueAfter > 0 {
			s.due[key] = s.now.Add(result.RequeueAfter)
		}
		if key.Kind == workload.Deployment && s.version(key) != before {
			s.see(s.get(key))
		}
	}
	return len(keys) > 0
}

func (s *simulation) version(key Key) string {
	if key.Kind != workload.Deployment {
		return ""
	}
	return s.get(key).ResourceVersion
}

// endRollouts is what the controller of Deployments does.
func (s *simulation) endRollouts() {
	for _, key := range slices.Collect(maps.Keys(s.rollouts)) {
		d := s.get(key)
		if at := s.rollouts[key]; s.now.Before(at) {
			if d.Status.UpdatedReplicas != 0 {
				d.Status.UpdatedReplicas = 0
				s.status(d)
			}
			continue
		}
		delete(s.rollouts, key)
		d.Status.UpdatedReplicas = 1
		s.status(d)
	}
}

func (s *simulation) status(d *appsv1.Deployment) {
	s.t.Helper()
	if err := s.api.Status().Update(s.t.Context(), d); err != nil {
		s.t.Fatal(err)
	}
	s.see(s.get(Key{Kind: workload.Deployment, Namespace: d.Namespace, Name: d.Name}))
}

// deployment reads Secrets into its environment, and is at rest.
func deployment(namespace, name string, annotations map[string]string, secrets ...string) *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: "uid", Annotations: annotations}}
	var from []corev1.EnvFromSource
	for _, secret := range secrets {
		from = append(from, corev1.EnvFromSource{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: secret}}})
	}
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "app", EnvFrom: from}}
	d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.AvailableReplicas = 1, 1, 1
	return d
}

func asks() map[string]string { return map[string]string{names.AnnotationRestart: "true"} }

func (s *simulation) wantRestarts(what string, key Key, want int) {
	s.t.Helper()
	if got := len(s.restarts[key]); got != want {
		s.t.Errorf("%s: got %d restarts of %s, want %d", what, got, key.Name, want)
	}
}

// TestManyWorkloadsRollWithinTheBudgets: five hundred workloads of twenty namespaces, whose two hundred Secrets change at once (Reloader's
// issues 220, 837, 992 and 1109). In the middle the process ends.
func TestManyWorkloadsRollWithinTheBudgets(t *testing.T) {
	const workloads, secrets, namespaces = 500, 200, 20
	var objects []client.Object
	for i := range workloads {
		in := i % namespaces // with the Secrets of the same remainder, three of them each
		reads := []string{}
		for n := range 3 {
			reads = append(reads, fmt.Sprint("secret-", (in+namespaces*(i/namespaces+n))%secrets))
		}
		objects = append(objects, deployment(fmt.Sprint("team-", in), fmt.Sprintf("web-%03d", i), asks(), reads...))
	}
	s := simulate(t, workload.Options{}, objects...)
	change := func(count int64) {
		for i := range secrets {
			s.secret(fmt.Sprint("team-", i%namespaces), fmt.Sprint("secret-", i), count)
		}
	}
	change(1)
	s.pass(time.Minute)
	if len(s.restarts) > 0 {
		t.Fatalf("got %d workloads restarted at the start, want none", len(s.restarts))
	}
	change(2)
	s.pass(220 * time.Second) // the quiet period of the next process ends within a minute after the last restarts
	half := len(s.restarts)
	s.start(workload.Options{}) // as after kill -9
	s.pass(8 * time.Minute)
	if half == 0 || half == workloads {
		t.Errorf("got %d workloads restarted before the process ended, want some", half)
	}
	if len(s.restarts) != workloads {
		t.Errorf("got %d workloads restarted, want %d", len(s.restarts), workloads)
	}
	var all []time.Time
	by := map[string][]time.Time{}
	for key, at := range s.restarts {
		if len(at) != 1 {
			t.Errorf("got %d restarts of %s, want one", len(at), key.Name)
		}
		all, by[key.Namespace] = append(all, at...), append(by[key.Namespace], at...)
	}
	within := func(what string, times []time.Time, limit int) {
		slices.SortFunc(times, time.Time.Compare)
		for i := range times {
			if i >= limit && times[i].Sub(times[i-limit]) < time.Minute {
				t.Errorf("%s: got more than %d restarts in the minute before %s", what, limit, times[i])
			}
		}
	}
	within("the cluster", all, 60)
	for namespace, times := range by {
		within(namespace, times, 10)
	}
}
