package controller

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/kes"
	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
)

// vault is a backend in which every key has one value, for Vault's objects.
type vault struct{ reads atomic.Int64 }

func (*vault) BatchSize(plan.Source) int { return 1 }

func (*vault) Forget(plan.Store) {}

func (v *vault) Get(context.Context, plan.Source) ([]driver.Value, error) {
	v.reads.Add(1)
	return []driver.Value{{Data: []byte(`{"a":"b"}`)}}, nil
}

func (*vault) GetBatch(context.Context, plan.Store, []plan.Read) ([]backend.Outcome, error) {
	panic("not asked for")
}

// everything is ExternalSecrets, whatever their controllerId.
func everything() dialect.Kind {
	return served{&kes.Installation{Defaults: backends.Defaults{VaultMount: "kubernetes", VaultRole: "reader"}}, true}
}

// served is a kind whose objects are all served, or none.
type served struct {
	dialect.Kind
	served bool
}

func (s served) Serves(Object, dialect.Resolved) bool { return s.served }

// narrow is a kind that is served in some namespaces.
type narrow struct {
	dialect.Kind
	servesIn func(namespace string) bool
}

func (n narrow) ServesIn(namespace string) bool { return n.servesIn(namespace) }

func (n narrow) Namespaces() []string { return nil }

// world is one Reconciler with its queue, beside an API server and a backend.
type world struct {
	*Reconciler
	cluster  client.WithWatch
	vault    vault
	measured metrics.Objects
}

// inFakeTime gives a test a world whose objects are synced while it waits.
func inFakeTime(t *testing.T, faults interceptor.Funcs, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		scheme := runtime.NewScheme()
		for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, apiv1.AddToScheme} {
			if err := add(scheme); err != nil {
				t.Fatal(err)
			}
		}
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: db.Namespace}}
		stored := fake.NewClientBuilder().WithScheme(scheme).WithObjects(namespace).WithStatusSubresource(&apiv1.ExternalSecret{}).
			WithIndex(&apiv1.ExternalSecret{}, "metadata.name", func(o client.Object) []string { return []string{o.GetName()} }).Build()
		w := &world{cluster: stored}
		c := interceptor.NewClient(stored, faults)
		w.Reconciler = &Reconciler{
			Kind:     everything(),
			Settings: Settings{RefreshInterval: time.Hour, StatusHeartbeat: 10 * time.Minute, WatchSecrets: true},
			Client:   c, Cache: c, Live: c,
			Engine:   &fetch.Engine{Reader: &w.vault},
			Writer:   &apply.Writer{Client: c},
			Recorder: &events.FakeRecorder{},
			Metrics:  w.measured.Of(everything().Type(), nil),
		}
		w.queue = w.storage.newQueue("", workqueue.DefaultTypedControllerRateLimiter[reconcile.Request](), 16)
		w.Engine.Notify = w.Notify
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = w.Engine.Run(ctx) }()
		go w.work(ctx)
		test(w)
		cancel()
		w.queue.ShutDown()
		synctest.Wait()
	})
}

// work does what controller-runtime does with a queue.
func (w *world) work(ctx context.Context) {
	for {
		request, stopped := w.queue.Get()
		if stopped {
			return
		}
		switch result, err := w.Reconcile(ctx, request); {
		case err != nil:
			w.queue.AddRateLimited(request)
		default:
			w.queue.Forget(request)
			if result.RequeueAfter > 0 {
				w.queue.AddAfter(request, result.RequeueAfter)
			}
		}
		w.queue.Done(request)
	}
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	<-time.After(d) // in fake time
	synctest.Wait()
}

// apply creates an object, and has it synced.
func (w *world) apply(t *testing.T, uid types.UID, annotations map[string]string) {
	t.Helper()
	es := &apiv1.ExternalSecret{
		ObjectMeta: metav1.ObjectMeta{Namespace: db.Namespace, Name: db.Name, UID: uid, Generation: 1, Annotations: annotations},
		Spec:       apiv1.ExternalSecretSpec{Backend: apiv1.BackendVault, Data: []apiv1.DataEntry{{Key: "secret/data/db", Name: "a"}}},
	}
	if err := w.cluster.Create(t.Context(), es); err != nil {
		t.Fatal(err)
	}
	w.queue.Add(reconcile.Request{NamespacedName: db})
}

func (w *world) secret(t *testing.T) *corev1.Secret {
	t.Helper()
	secret := &corev1.Secret{}
	if err := w.cluster.Get(t.Context(), db, secret); err != nil {
		t.Error(err)
	}
	return secret
}

// change changes the Secret, which is seen at once.
func (w *world) change(ctx context.Context, t *testing.T) {
	t.Helper()
	secret := w.secret(t)
	secret.Data = map[string][]byte{"a": []byte("changed")}
	if err := w.cluster.Update(ctx, secret); err != nil {
		t.Error(err)
	}
	w.drift().Update(ctx, event.UpdateEvent{ObjectNew: secret}, w.queue)
}

func (w *world) object(t *testing.T) *apiv1.ExternalSecret {
	t.Helper()
	es := &apiv1.ExternalSecret{}
	if err := w.cluster.Get(t.Context(), db, es); err != nil {
		t.Error(err)
	}
	return es
}
