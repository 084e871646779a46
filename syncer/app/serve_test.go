package app

import (
	"context"
	"testing"
	"testing/synctest"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/syncer/internal/config"
	"github.com/secretgate/secretgate/syncer/internal/shard"
	"github.com/secretgate/secretgate/syncer/internal/shard/ring"
)

// reads is a manager, and the API server behind it, which counts lists.
type reads struct {
	manager.Manager
	client.Reader
	lists int
}

func (r *reads) GetAPIReader() client.Reader { return r }

func (r *reads) List(context.Context, client.ObjectList, ...client.ListOption) error {
	r.lists++
	return nil
}

// TestSecretsAreListedOnceTheShareIsKnown: before, none would be taken for the replica's, and each would be read by itself later.
func TestSecretsAreListedOnceTheShareIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cluster, shares := &reads{}, &shard.Shares{}
		s := &syncer{mgr: cluster, config: &config.Config{WatchSecrets: true}, shares: shares}
		ended := make(chan error, 1)
		go func() { ended <- s.listSecrets(t.Context()) }()
		synctest.Wait()
		if cluster.lists != 0 {
			t.Errorf("got %d lists before the share is known, want none", cluster.lists)
		}
		shares.Set(ring.Whole())
		if err := <-ended; err != nil || cluster.lists != 1 {
			t.Errorf("got %v and %d lists after it is known, want 1", err, cluster.lists)
		}
	})
}

// cached is a manager with a cache.
type cached struct {
	manager.Manager
	cache lists
}

func (c *cached) GetCache() cache.Cache { return &c.cache }

// lists is a cache whose first list of each kind lasts until it may go on.
type lists struct {
	cache.Cache
	goOn chan struct{}
}

func (l *lists) GetInformer(context.Context, client.Object, ...cache.InformerGetOption) (cache.Informer, error) {
	<-l.goOn
	return nil, nil
}

func (l *lists) WaitForCacheSync(context.Context) bool { return true }

// configMaps is a kind by the type of its objects alone.
type configMaps struct{ dialect.Kind }

func (configMaps) New() dialect.Object { return &corev1.ConfigMap{} }

// TestReadyOnceEachKindHasBeenRead: the cache alone knows of no kind that has a controller, but no index.
func TestReadyOnceEachKindHasBeenRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cluster := &cached{cache: lists{goOn: make(chan struct{})}}
		s := &syncer{mgr: cluster, kinds: map[schema.GroupKind]served{{Kind: "A"}: {kind: configMaps{}}, {Kind: "B"}: {kind: configMaps{}}}}
		read := make(chan bool, 1)
		go func() { read <- s.haveRead(t.Context()) }()
		for range s.kinds {
			synctest.Wait()
			if len(read) > 0 {
				t.Error("it says that the objects have been read before each kind has been listed")
			}
			cluster.cache.goOn <- struct{}{}
		}
		if !<-read {
			t.Error("it says that the objects have not been read, after each kind has been listed")
		}
	})
}
