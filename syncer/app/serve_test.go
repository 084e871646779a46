package app

import (
	"context"
	"testing"
	"testing/synctest"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

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
