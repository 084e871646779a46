package app

import (
	"flag"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/config"
)

// told is the one backend of SecretDefinitions by the command line.
func told(t *testing.T, args ...string) *definitions {
	t.Helper()
	none := func(string) (string, bool) { return "", false }
	c := &config.Config{}
	sections := c.Bind(none)
	flags := flag.NewFlagSet("syncer", flag.ContinueOnError)
	for _, section := range sections {
		section.Flags.VisitAll(func(f *flag.Flag) { flags.Var(f.Value, f.Name, f.Usage) })
	}
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	if err := c.Finish(sections, none); err != nil {
		t.Fatal(err)
	}
	d, err := definitionsOf(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTheBackendOfDefinitions(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		want apiv1.Backend // empty: none
		kept bool          // there is a token to look after
	}{
		{"they are not served", []string{"--vault.role-id=role"}, "", false},
		{"Vault", []string{"--secret-definitions", "--vault.role-id=role"}, apiv1.BackendVault, true},
		{"a Key Vault", []string{"--secret-definitions", "--backend=azure-kv", "--azure-kv.name=kv"}, apiv1.BackendAzureKeyVault, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := told(t, tc.args...)
			if tc.want == "" {
				if d != nil {
					t.Errorf("there is one: %v", d)
				}
				return
			}
			if diff := cmp.Diff([]apiv1.Backend{tc.want}, slices.Collect(maps.Keys(d.drivers))); diff != "" || (d.keeper != nil) != tc.kept {
				t.Errorf("a keeper is there: %t, backends: %s", d.keeper != nil, diff)
			}
		})
	}
}

// Nobody listens at that address.
func TestWhatIsToldOfTheToken(t *testing.T) {
	d := told(t, "--secret-definitions", "--vault.url=http://somebody:planted@127.0.0.1:1", "--vault.role-id=role", "--vault.approle-path=apps", "--vault.engine=kv1",
		"--vault.max-token-ttl=60", "--vault.token-polling-period=7s", "--config.backend-timeout=3s")
	k := d.keeper
	if diff := cmp.Diff(plan.Identity{VaultMount: "apps"}, k.Identity); diff != "" || k.Period != 7*time.Second || k.Timeout != 3*time.Second {
		t.Errorf("every %s, for %s: %s", k.Period, k.Timeout, diff)
	}
	if _, err := k.Vault.Keep(t.Context(), k.Identity); err == nil {
		t.Fatal("there is a token of nobody")
	}
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(k.Metrics); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := family.GetName()
			for _, l := range m.GetLabel() {
				if l.GetValue() != "" {
					name += " " + l.GetValue()
				}
			}
			got[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	want := map[string]float64{ // without the password
		"secrets_manager_vault_max_token_ttl http://somebody:xxxxx@127.0.0.1:1 kv1":                                60,
		"secrets_manager_vault_token_ttl http://somebody:xxxxx@127.0.0.1:1 kv1":                                    0,
		"secrets_manager_vault_token_renewal_errors_total unavailable http://somebody:xxxxx@127.0.0.1:1 kv1 login": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}
