package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

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

	keepMetrics(t, "syncer's metrics", backend.NewMetrics(), metrics.NewObjects(), metrics.NewBuild(""),
		fetch.NewMetrics(&fetch.Engine{}), shard.NewMetrics())
	keepMetrics(t, "SecretDefinitions' metrics", metrics.NewDefinitions(), metrics.NewVault("", "", 0))
}

func keepMetrics(t *testing.T, part string, collectors ...prometheus.Collector) {
	t.Helper()
	text, err := reference.Metrics(descriptions(collectors...))
	if err != nil {
		t.Fatal(err)
	}
	if err := reference.Keep(part, text); err != nil {
		t.Error(err)
	}
}

func descriptions(collectors ...prometheus.Collector) []fmt.Stringer {
	found := make(chan *prometheus.Desc)
	go func() {
		defer close(found)
		for _, c := range collectors {
			c.Describe(found)
		}
	}()
	var all []fmt.Stringer
	for d := range found {
		all = append(all, d)
	}
	return all
}
