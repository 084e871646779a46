package app

import (
	"slices"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/reference"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/internal/config"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
	"github.com/secretgate/secretgate/syncer/internal/shard"
)

// TestReference keeps the syncer's flags, variables and metrics on the page as the code has them.
func TestReference(t *testing.T) {
	asked := map[string]bool{}
	spy := func(variable string) (string, bool) {
		asked[variable] = true
		return "", false
	}
	c := &config.Config{}
	sections := c.Bind(spy)
	if err := c.Finish(sections, spy); err != nil {
		t.Fatal(err)
	}
	text, named := reference.Flags(sections)
	var alone []string
	for variable := range asked {
		if !slices.Contains(named, variable) {
			alone = append(alone, "`"+variable+"`")
		}
	}
	slices.Sort(alone)
	text += "By environment alone, since flags can be read in the process list, or as KES has it: " + strings.Join(alone, ", ") + ".\n"
	if err := reference.Keep("syncer's settings", text); err != nil {
		t.Error(err)
	}

	if err := reference.KeepMetrics("syncer's metrics", backend.NewMetrics(), metrics.NewObjects(), metrics.NewBuild(""),
		fetch.NewMetrics(&fetch.Engine{}), shard.NewMetrics()); err != nil {
		t.Error(err)
	}
	if err := reference.KeepMetrics("SecretDefinitions' metrics", metrics.NewDefinitions(), metrics.NewVault("", "", 0)); err != nil {
		t.Error(err)
	}
}
