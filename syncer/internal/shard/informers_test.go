package shard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/syncer/internal/shard/ring"
	"github.com/secretgate/secretgate/syncer/internal/shard/shardtest"
)

// two is a ring of two; a and b are their shares.
var two = ring.Assign([]string{"a", "b"})

// uidIn finds the n-th uid of a share.
func uidIn(share ring.Share, n int) types.UID {
	for i := 0; ; i++ {
		if uid := types.UID(fmt.Sprint("uid-", i)); share.Owns(uid) {
			if n == 0 {
				return uid
			}
			n--
		}
	}
}

func externalSecret(name string, uid types.UID) *apiv1.ExternalSecret {
	return &apiv1.ExternalSecret{ObjectMeta: metav1.ObjectMeta{Namespace: "core", Name: name, UID: uid}}
}

var secretKind = corev1.SchemeGroupVersion.WithKind("Secret")

func secretOf(name string, owner types.UID) *metav1.PartialObjectMetadata {
	controller := true
	return &metav1.PartialObjectMetadata{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "core", Name: name, OwnerReferences: []metav1.OwnerReference{{
			APIVersion: apiv1.GroupVersion.String(), Kind: apiv1.Kind, Name: name, UID: owner, Controller: &controller,
		}}},
	}
}

// listerWatcher gives the server the methods that only deprecated callers use.
type listerWatcher struct {
	cache.ListerWatcher // panics
	cache.ListerWatcherWithContext
}

// streaming is a server whose client can begin a watch with what is there already; listing is one that
// cannot.
type streaming struct{ listerWatcher }
type listing struct{ listerWatcher }

func (listing) IsWatchListSemanticsUnSupported() bool { return true }

// seen is an informer, and the notifications that it gave.
type seen struct {
	informer cache.SharedIndexInformer
	shares   *Shares
	metrics  *Metrics

	mu   sync.Mutex
	told []string // what happened to which object
}

// inform starts an informer of a server's objects. It runs until the test ends.
func inform(t *testing.T, s *shardtest.Server, stream bool) *seen {
	t.Helper()
	o := &seen{shares: &Shares{}, metrics: NewMetrics()}
	var lw cache.ListerWatcher = listing{listerWatcher{ListerWatcherWithContext: s}}
	if stream {
		lw = streaming{listerWatcher{ListerWatcherWithContext: s}}
	}
	narrowed := Informers{Shares: o.shares, Kinds: kinds(), Metrics: o.metrics}.narrow(lw, s.Prototype)
	if narrowed == nil {
		t.Fatal("the type is not narrowed")
	}
	o.informer = cache.NewSharedIndexInformer(&informed{narrowed, stream}, s.Prototype, 0, cache.Indexers{})
	// The usual handler holds up each error until a second after the last, which was before the bubble's time began.
	if err := o.informer.SetWatchErrorHandlerWithContext(func(context.Context, *cache.Reflector, error) {}); err != nil {
		t.Fatal(err)
	}
	tell := func(what string, object any) {
		if unknown, ok := object.(cache.DeletedFinalStateUnknown); ok {
			object = unknown.Obj
		}
		accessor, ok := object.(metav1.Object)
		if !ok {
			t.Errorf("%T", object)
			return
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.told = append(o.told, what+" "+accessor.GetName())
	}
	_, err := o.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { tell("add", object) },
		UpdateFunc: func(_, object any) { tell("update", object) },
		DeleteFunc: func(object any) { tell("delete", object) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); o.informer.RunWithContext(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	synctest.Wait()
	return o
}

// informed lets a test choose how the reflector begins.
type informed struct {
	*listWatch
	stream bool
}

func (i *informed) IsWatchListSemanticsUnSupported() bool { return !i.stream }

// own moves the informer to another share.
func (o *seen) own(share ring.Share) {
	o.shares.Set(share)
	synctest.Wait()
}

// expect compares the store, and the notifications since the last call.
func (o *seen) expect(t *testing.T, store string, told ...string) {
	t.Helper()
	synctest.Wait()
	var names []string
	for _, object := range o.informer.GetStore().List() {
		if accessor, ok := object.(metav1.Object); ok {
			names = append(names, accessor.GetName())
		}
	}
	slices.Sort(names)
	if diff := cmp.Diff(store, strings.Join(names, " ")); diff != "" {
		t.Errorf("the store (-want +got):\n%s", diff)
	}
	if n := testutil.ToFloat64(o.metrics.objects); int(n) != len(names) {
		t.Errorf("the metric counts %v objects", n)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	slices.Sort(o.told)
	if diff := cmp.Diff(told, o.told); diff != "" {
		t.Errorf("notifications (-want +got):\n%s", diff)
	}
	o.told = nil
}
