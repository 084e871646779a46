package tuenti

import (
	"context"
	"log/slog"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
)

// vault is the part of hashivault.Driver that a tokenRenewer uses.
type vault interface {
	EnsureToken(ctx context.Context, store plan.Store) (expires time.Time, err error)
	Server(ctx context.Context, store plan.Store) (hashivault.Server, error)
}

// tokenRenewer renews the Vault token of all SecretDefinitions, or logs in again, while there are no reads: the next read finds a valid
// token, and the metrics have its remaining TTL.
type tokenRenewer struct {
	vault   vault
	store   plan.Store
	period  time.Duration // between two renewals
	timeout time.Duration // of one renewal
	metrics *tokens
	log     *slog.Logger

	failing bool
}

// Run renews the token periodically until ctx ends.
func (r *tokenRenewer) Run(ctx context.Context) error {
	ticker := time.NewTicker(r.period)
	defer ticker.Stop()
	for {
		r.renew(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// renew makes sure that there is a valid token, which is renewed only when that is due, and updates the metrics.
func (r *tokenRenewer) renew(running context.Context) {
	ctx, cancel := context.WithTimeout(running, r.timeout)
	defer cancel()
	if !r.metrics.Identified() {
		if server, err := r.vault.Server(ctx, r.store); err == nil { // else the login fails, too, or the next renewal tries again
			r.metrics.Identify(server.Version, server.ClusterID, server.ClusterName)
		}
	}
	expires, err := r.vault.EnsureToken(ctx, r.store)
	r.metrics.Token(expires)
	if err != nil && !r.failing && running.Err() == nil {
		// Not the error, which may quote Vault: objects report it, redacted.
		r.log.WarnContext(ctx, "No Vault token for SecretDefinitions; the login is tried again", "period", r.period.String())
	}
	if err == nil && r.failing {
		r.log.InfoContext(ctx, "Got a Vault token for SecretDefinitions again")
	}
	r.failing = err != nil
}
