// Package keeper looks after a Vault token while nobody reads: the next read finds one that works, and the metrics tell how long
// it will.
package keeper

import (
	"context"
	"log/slog"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
)

// Vault is what it takes; hashivault.Driver is one.
type Vault interface {
	Keep(ctx context.Context, who plan.Identity) (expires time.Time, err error)
	Server(ctx context.Context) (hashivault.Server, error)
}

// Keeper looks after the token of one identity.
type Keeper struct {
	Vault    Vault
	Identity plan.Identity
	Period   time.Duration // between two looks
	Timeout  time.Duration // of one
	Metrics  *metrics.Vault
	Log      *slog.Logger

	failing bool
}

// Run looks after the token until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	ticker := time.NewTicker(k.Period)
	defer ticker.Stop()
	for {
		k.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (k *Keeper) look(running context.Context) {
	ctx, cancel := context.WithTimeout(running, k.Timeout)
	defer cancel()
	if !k.Metrics.Identified() {
		if server, err := k.Vault.Server(ctx); err == nil { // else the login fails, too, or the next look finds out
			k.Metrics.Identify(server.Version, server.ClusterID, server.ClusterName)
		}
	}
	expires, err := k.Vault.Keep(ctx, k.Identity)
	k.Metrics.Token(expires)
	if err != nil && !k.failing && running.Err() == nil {
		// Not the error, which may quote Vault: objects tell it, redacted.
		k.Log.WarnContext(ctx, "no Vault token for SecretDefinitions; it is tried again", "period", k.Period.String())
	}
	if err == nil && k.failing {
		k.Log.InfoContext(ctx, "there is a Vault token for SecretDefinitions again")
	}
	k.failing = err != nil
}
