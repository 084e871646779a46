package app

import (
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/secretgate/secretgate/shared/dialect"
	dialects "github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/shared/pending"
	"github.com/secretgate/secretgate/shared/reference"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/internal/config"
	extension "github.com/secretgate/secretgate/syncer/internal/dialect"
	extensions "github.com/secretgate/secretgate/syncer/internal/dialect/all"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
	"github.com/secretgate/secretgate/syncer/internal/restart"
	"github.com/secretgate/secretgate/syncer/internal/restart/decision"
	"github.com/secretgate/secretgate/syncer/internal/shard"
	"github.com/secretgate/secretgate/syncer/internal/shard/membership"
)

// describer is what the reference wants of a collector.
type describer = interface {
	Describe(into chan<- *prometheus.Desc)
}

// TestReference keeps the syncer's flags, variables and metrics on the page as the code has them.
func TestReference(t *testing.T) {
	asked := map[string]bool{}
	answers := map[string]string{"DIALECTS": strings.Join((&dialect.Choice{All: dialects.Dialects()}).Names(), ","), "VAULT_ROLE_ID": "any"}
	spy := func(variable string) (string, bool) {
		asked[variable] = true
		answer, ok := answers[variable]
		return answer, ok
	}
	c := &config.Config{
		Dialects:   dialect.Choice{All: dialects.Dialects(), Service: dialect.Syncer, Default: defaultDialect},
		Extensions: extensions.Extensions(),
	}
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
	text += "Only as environment variables, because flags are visible in the process list, or because KES has them so: " + strings.Join(alone, ", ") + ".\n"
	if err := reference.Update("syncer's settings", text); err != nil {
		t.Error(err)
	}

	objects := &metrics.Objects{}
	collectors := []describer{
		backend.NewMetrics(), objects, metrics.NewBuild(""), fetch.NewMetrics(&fetch.Engine{}), shard.NewMetrics(), membership.NewMetrics(),
	}
	for _, kind := range c.Dialects.Kinds() {
		how := extension.Sync{}
		if e := c.Extensions[kind.Type().Dialect]; e != nil {
			how = e.Sync(kind)
			for _, collector := range e.Metrics(backend.NewMetrics()) {
				collectors = append(collectors, collector)
			}
		}
		objects.Of(kind.Type(), how.View)
	}
	if err := reference.KeepMetrics("syncer's metrics", collectors...); err != nil {
		t.Error(err)
	}
}

// TestReferenceOfRestarts keeps the flags, metrics and reasons of restarts on the page as the code has them.
func TestReferenceOfRestarts(t *testing.T) {
	c := &config.Restart{Dialects: dialect.Choice{All: dialects.Dialects(), Service: dialect.Syncer}}
	sections := c.Bind(func(string) (string, bool) { return "", false })
	if err := c.Finish(sections); err != nil {
		t.Fatal(err)
	}
	text, _ := reference.Flags(sections)
	if err := reference.Update("syncer restart's settings", text); err != nil {
		t.Error(err)
	}
	if err := reference.KeepMetrics[*prometheus.Desc]("syncer restart's metrics", restart.NewMetrics()); err != nil {
		t.Error(err)
	}
	var rows [][]string
	for _, reason := range decision.Reasons() {
		rows = append(rows, []string{"`" + string(reason) + "`", reason.Meaning()})
	}
	rows = append(rows,
		[]string{"`" + pending.ReasonSeveral + "`", "of the condition alone: workloads wait for different things, which its message lists"},
		[]string{"`" + pending.ReasonNothing + "`", "of the condition alone, once it is False: no workload waits any more"})
	if err := reference.Update("reasons of waiting", reference.Table([]string{"reason", "meaning"}, rows)); err != nil {
		t.Error(err)
	}
}
