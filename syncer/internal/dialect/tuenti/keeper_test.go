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

// answers is a Vault that fails a few times, and then gives tokens of a minute.
type answers struct {
	failures int
	asked    []string
}

func (a *answers) Keep(_ context.Context, store plan.Store) (time.Time, error) {
	a.asked = append(a.asked, "token of "+store.Role)
	if a.failures > 0 {
		a.failures--
		return time.Time{}, errors.New("planted")
	}
	return time.Now().Add(time.Minute), nil
}

func (a *answers) Server(context.Context, plan.Store) (hashivault.Server, error) {
	a.asked = append(a.asked, "server")
	if a.failures > 0 {
		return hashivault.Server{}, errors.New("planted")
	}
	return hashivault.Server{Version: "1"}, nil
}

// silence is a Vault that does not answer.
type silence struct{}

func (silence) Keep(ctx context.Context, _ plan.Store) (time.Time, error) {
	<-ctx.Done()
	return time.Time{}, ctx.Err()
}

func (silence) Server(ctx context.Context, _ plan.Store) (hashivault.Server, error) {
	<-ctx.Done()
	return hashivault.Server{}, ctx.Err()
}

// keep looks after a Vault's token for a while, and returns what is logged, a line each.
func keep(t *testing.T, vault vault, while time.Duration) (*keeper, []string) {
	t.Helper()
	var log bytes.Buffer
	k := &keeper{
		vault: vault, store: plan.Store{Role: "reader"}, period: 15 * time.Second, timeout: 5 * time.Second,
		metrics: newTokens("http://vault", "kv2", time.Minute), log: slog.New(slog.NewTextHandler(&log, nil)),
	}
	ctx, cancel := context.WithTimeout(t.Context(), while)
	defer cancel()
	if err := k.Run(ctx); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(log.String()) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), " ") // the time
		lines = append(lines, line)
	}
	return k, lines
}

const (
	lost  = `level=WARN msg="no Vault token for SecretDefinitions; it is tried again" period=15s`
	again = `level=INFO msg="there is a Vault token for SecretDefinitions again"`
)

func TestATokenIsRenewedWithoutReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &answers{failures: 2}
		k, log := keep(t, vault, 50*time.Second)
		// Who it is, is asked for until it is known.
		want := []string{"server", "token of reader", "server", "token of reader", "server", "token of reader", "token of reader"}
		if diff := cmp.Diff(want, vault.asked); diff != "" {
			t.Error(diff)
		}
		if !k.metrics.Identified() {
			t.Error("it is not known which Vault it is")
		}
		if diff := cmp.Diff([]string{lost, again}, log); diff != "" {
			t.Errorf("the log (-want +got):\n%s", diff)
		}
		if seconds := left(t, k.metrics); seconds != 55 { // of the one that was given at 45 s
			t.Errorf("the token has %v s left", seconds)
		}
	})
}

func TestAVaultThatDoesNotAnswerIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if _, log := keep(t, silence{}, time.Minute); !cmp.Equal([]string{lost}, log) {
			t.Errorf("the log: %q", log)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		if _, log := keep(t, silence{}, 2*time.Second); log != nil {
			t.Errorf("that the syncer stops is logged as %q", log)
		}
	})
}

func left(t *testing.T, c prometheus.Collector) float64 {
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
