package config_test

import (
	"testing"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/webhook/internal/config"
)

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
