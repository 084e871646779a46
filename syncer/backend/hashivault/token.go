package hashivault

import (
	"context"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
)

// EnsureToken makes sure that reads of a Store have a valid token, as the next read would: it renews the token when that is due, or
// logs in again. It returns when the token expires; the zero time: never.
func (d *Driver) EnsureToken(ctx context.Context, store plan.Store) (expires time.Time, err error) {
	server, logins, err := d.at(store)
	if err != nil {
		return time.Time{}, err
	}
	return logins.EnsureToken(ctx, server, store)
}

// Forget drops the token of a Store with a credential from the cluster, and the CA that the cluster keeps for it. The tokens of the
// installation's own credentials stay.
func (d *Driver) Forget(store plan.Store) {
	if !store.Credential.OfCluster() {
		return
	}
	if server, logins, err := d.at(store); err == nil {
		logins.Forget(server, store)
	}
}

// Server identifies a Vault cluster.
type Server struct{ Version, ClusterID, ClusterName string }

// Server reads the identity of a Store's Vault, which answers any client: https://developer.hashicorp.com/vault/api-docs/system/health.
func (d *Driver) Server(ctx context.Context, store plan.Store) (Server, error) {
	server, _, err := d.at(store)
	if err != nil {
		return Server{}, err
	}
	client, err := d.clients.Of(ctx, server)
	if err != nil {
		return Server{}, err
	}
	health, err := client.Sys().HealthWithContext(ctx)
	if err != nil {
		return Server{}, err
	}
	return Server{Version: health.Version, ClusterID: health.ClusterID, ClusterName: health.ClusterName}, nil
}
