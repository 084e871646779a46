package tuenti

import (
	"context"
	"log/slog"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
)

// vault is what it takes to look after a token; hashivault.Driver is one.
type vault interface {
	Keep(ctx context.Context, store plan.Store) (expires time.Time, err error)
	Server(ctx context.Context, store plan.Store) (hashivault.Server, error)
}

// keeper looks after the Vault token of all SecretDefinitions while there are no reads: the next read finds one that works, and the metrics
// tell how long it will.
type keeper struct {
	vault   vault
	store   plan.Store
	period  time.Duration // between two looks
	timeout time.Duration // of one
	metrics *tokens
	log     *slog.Logger

	failing bool
}

// Run looks after the token until ctx ends.
func (k *keeper) Run(ctx context.Context) error {
	ticker := time.NewTicker(k.period)
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

func (k *keeper) look(running context.Context) {
	ctx, cancel := context.WithTimeout(running, k.timeout)
	defer cancel()
	if !k.metrics.Identified() {
		if server, err := k.vault.Server(ctx, k.store); err == nil { // else the login fails, too, or the next look finds out
			k.metrics.Identify(server.Version, server.ClusterID, server.ClusterName)
		}
	}
	expires, err := k.vault.Keep(ctx, k.store)
	k.metrics.Token(expires)
	if err != nil && !k.failing && running.Err() == nil {
		// Not the error, which may quote Vault: objects tell it, redacted.
		k.log.WarnContext(ctx, "no Vault token for SecretDefinitions; it is tried again", "period", k.period.String())
	}
	if err == nil && k.failing {
		k.log.InfoContext(ctx, "there is a Vault token for SecretDefinitions again")
	}
	k.failing = err != nil
}
