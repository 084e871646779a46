package kes_test

import (
	"testing"
	"time"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect/dialecttest"
	"github.com/secretgate/secretgate/shared/dialect/kes"
	"github.com/secretgate/secretgate/shared/settings"
)

func TestDialect(t *testing.T) {
	for name, defaults := range map[string]backend.Defaults{
		"with defaults":    {Region: "us-west-2", VaultMount: "kubernetes", VaultRole: "reader", Project: "shared"},
		"without defaults": {},
	} {
		t.Run(name, func(t *testing.T) {
			dialecttest.Run(t, dialecttest.Suite{
				Dialect: kes.Dialect(), Policy: settings.Policy{Defaults: defaults, MinRefreshInterval: 10 * time.Second},
				Examples: "testdata/examples.yaml",
			})
		})
	}
}
