package hashivault

import (
	"context"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
)

// Keep sees to it that reads as somebody have a token that works, as the next read would do: it is renewed when that is due,
// or replaced by a new login. It says until when the token works; the zero time: for ever.
func (d *Driver) Keep(ctx context.Context, who plan.Identity) (expires time.Time, err error) {
	return d.logins.Keep(ctx, who)
}

// Server is which Vault this is, as it says itself.
type Server struct{ Version, ClusterID, ClusterName string }

// Server asks Vault, which answers anybody: https://developer.hashicorp.com/vault/api-docs/system/health.
func (d *Driver) Server(ctx context.Context) (Server, error) {
	health, err := d.client.Sys().HealthWithContext(ctx)
	if err != nil {
		return Server{}, err
	}
	return Server{Version: health.Version, ClusterID: health.ClusterID, ClusterName: health.ClusterName}, nil
}
