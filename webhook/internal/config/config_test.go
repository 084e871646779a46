package config_test

import (
	"testing"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/webhook/internal/config"
)

func TestProfilesAreServedOnNoOthersPort(t *testing.T) {
	for address, want := range map[string]string{
		"":               "",
		"127.0.0.1:6060": "",
		":8080":          `--pprof-bind-address is ":8080": that is the port of --metrics-bind-address, which others may reach: give one of its own, such as 127.0.0.1:6060`,
		":8081":          `--pprof-bind-address is ":8081": that is the port of --health-probe-bind-address, which others may reach: give one of its own, such as 127.0.0.1:6060`,
		":9443":          `--pprof-bind-address is ":9443": that is the port of --port, which others may reach: give one of its own, such as 127.0.0.1:6060`,
		"6060":           `--pprof-bind-address is "6060": must be host:port, :port, or 0 for none`,
	} {
		t.Run("at "+address, func(t *testing.T) {
			c := &config.Config{Dialects: dialect.Choice{All: all.Dialects()}}
			sections := c.Bind(func(variable string) (string, bool) { return address, variable == "PPROF_BIND_ADDRESS" })
			got := ""
			if err := c.Finish(sections); err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestMetricsThatAreTurnedOffAreServedNowhere(t *testing.T) {
	for _, none := range []string{"0", ""} {
		t.Run("--metrics-bind-address="+none, func(t *testing.T) {
			c := &config.Config{Dialects: dialect.Choice{All: all.Dialects()}}
			sections := c.Bind(func(string) (string, bool) { return "", false })
			for _, section := range sections {
				if section.Flags.Lookup("metrics-bind-address") == nil {
					continue
				}
				if err := section.Flags.Set("metrics-bind-address", none); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.Finish(sections); err != nil {
				t.Fatal(err)
			}
			if c.MetricsBindAddress != "0" { // what controller-runtime takes for none
				t.Errorf("got %q", c.MetricsBindAddress)
			}
		})
	}
}
