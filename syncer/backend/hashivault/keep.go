package hashivault

import (
	"context"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
)

// Keep sees to it that reads of a Store have a token that works, as the next read would do: it is renewed when that is due,
// or replaced by a new login. It says until when the token works; the zero time: for ever.
func (d *Driver) Keep(ctx context.Context, store plan.Store) (expires time.Time, err error) {
	server, logins, err := d.at(store)
	if err != nil {
		return time.Time{}, err
	}
	return logins.Keep(ctx, server, store)
}

// Forget lets the token of a Store go whose credential lies in the cluster. The others are the installation's own, which no object's end
// concerns.
func (d *Driver) Forget(store plan.Store) {
	if !store.Credential.OfCluster() {
		return
	}
	if server, logins, err := d.at(store); err == nil {
		logins.Forget(server, store)
	}
}

// Server is which Vault this is, as it says itself.
type Server struct{ Version, ClusterID, ClusterName string }

// Server asks the Vault of a Store, which answers any client: https://developer.hashicorp.com/vault/api-docs/system/health.
func (d *Driver) Server(ctx context.Context, store plan.Store) (Server, error) {
	server, _, err := d.at(store)
	if err != nil {
		return Server{}, err
	}
	client, err := d.clients.Of(server)
	if err != nil {
		return Server{}, err
	}
	health, err := client.Sys().HealthWithContext(ctx)
	if err != nil {
		return Server{}, err
	}
	return Server{Version: health.Version, ClusterID: health.ClusterID, ClusterName: health.ClusterName}, nil
}
