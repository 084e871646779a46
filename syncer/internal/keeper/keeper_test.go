package keeper

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
)

// answers is a Vault that fails a few times, and then gives tokens of a minute.
type answers struct {
	failures int
	asked    []string
}

func (a *answers) Keep(context.Context, plan.Identity) (time.Time, error) {
	a.asked = append(a.asked, "token")
	if a.failures > 0 {
		a.failures--
		return time.Time{}, errors.New("planted")
	}
	return time.Now().Add(time.Minute), nil
}

func (a *answers) Server(context.Context) (hashivault.Server, error) {
	a.asked = append(a.asked, "server")
	if a.failures > 0 {
		return hashivault.Server{}, errors.New("planted")
	}
	return hashivault.Server{Version: "1"}, nil
}

func TestATokenIsLookedAfterThoughNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &answers{failures: 1}
		k := &Keeper{
			Vault: vault, Period: 15 * time.Second, Timeout: time.Second, Log: slog.New(slog.DiscardHandler),
			Metrics: metrics.NewVault("http://vault", "kv2", time.Minute),
		}
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		defer cancel()
		if err := k.Run(ctx); err != nil {
			t.Fatal(err)
		}
		// Who it is, is asked for until it is known.
		if diff := cmp.Diff([]string{"server", "token", "server", "token", "token"}, vault.asked); diff != "" {
			t.Error(diff)
		}
		if !k.Metrics.Identified() || k.failing {
			t.Error("it has not recovered")
		}
	})
}
