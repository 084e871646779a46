package tuenti

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
)

// fakeVault fails a few times, and then issues tokens with a TTL of a minute.
type fakeVault struct {
	failures int
	requests []string
}

func (v *fakeVault) EnsureToken(_ context.Context, store plan.Store) (time.Time, error) {
	v.requests = append(v.requests, "token of "+store.Role)
	if v.failures > 0 {
		v.failures--
		return time.Time{}, errors.New("planted")
	}
	return time.Now().Add(time.Minute), nil
}

func (v *fakeVault) Server(context.Context, plan.Store) (hashivault.Server, error) {
	v.requests = append(v.requests, "server")
	if v.failures > 0 {
		return hashivault.Server{}, errors.New("planted")
	}
	return hashivault.Server{Version: "1"}, nil
}

// unresponsiveVault does not respond until the context ends.
type unresponsiveVault struct{}

func (unresponsiveVault) EnsureToken(ctx context.Context, _ plan.Store) (time.Time, error) {
	<-ctx.Done()
	return time.Time{}, ctx.Err()
}

func (unresponsiveVault) Server(ctx context.Context, _ plan.Store) (hashivault.Server, error) {
	<-ctx.Done()
	return hashivault.Server{}, ctx.Err()
}

// runRenewer renews a Vault's token for a duration, and returns the lines of the log.
func runRenewer(t *testing.T, vault vault, duration time.Duration) (*tokenRenewer, []string) {
	t.Helper()
	var log bytes.Buffer
	renewer := &tokenRenewer{
		vault: vault, store: plan.Store{Role: "reader"}, period: 15 * time.Second, timeout: 5 * time.Second,
		metrics: newTokens("http://vault", "kv2", time.Minute), log: slog.New(slog.NewTextHandler(&log, nil)),
	}
	ctx, cancel := context.WithTimeout(t.Context(), duration)
	defer cancel()
	if err := renewer.Run(ctx); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(log.String()) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), " ") // the time
		lines = append(lines, line)
	}
	return renewer, lines
}

const (
	logFailing   = `level=WARN msg="No Vault token for SecretDefinitions; the login is tried again" period=15s`
	logRecovered = `level=INFO msg="Got a Vault token for SecretDefinitions again"`
)

func TestATokenIsRenewedWithoutReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &fakeVault{failures: 2}
		renewer, log := runRenewer(t, vault, 50*time.Second)
		// The server is identified until that succeeds.
		want := []string{"server", "token of reader", "server", "token of reader", "server", "token of reader", "token of reader"}
		if diff := cmp.Diff(want, vault.requests); diff != "" {
			t.Error(diff)
		}
		if !renewer.metrics.Identified() {
			t.Error("the server is not identified")
		}
		if diff := cmp.Diff([]string{logFailing, logRecovered}, log); diff != "" {
			t.Errorf("the log (-want +got):\n%s", diff)
		}
		if seconds := remainingTTL(t, renewer.metrics); seconds != 55 { // of the one that was issued at 45 s
			t.Errorf("the token has %v s left", seconds)
		}
	})
}

func TestAnUnresponsiveVaultIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if _, log := runRenewer(t, unresponsiveVault{}, time.Minute); !cmp.Equal([]string{logFailing}, log) {
			t.Errorf("the log: %q", log)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		if _, log := runRenewer(t, unresponsiveVault{}, 2*time.Second); log != nil {
			t.Errorf("that the syncer stops is logged as %q", log)
		}
	})
}

func remainingTTL(t *testing.T, c prometheus.Collector) float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(c); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "secrets_manager_vault_token_ttl" {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatal("there is no such metric")
	return 0
}
