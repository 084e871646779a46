package app

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/rest"

	"github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/shared/reference"
	"github.com/secretgate/secretgate/webhook/internal/command"
	"github.com/secretgate/secretgate/webhook/internal/metrics"
)

// TestReference keeps the webhook's flags, variables and metrics on the page as the code has them.
func TestReference(t *testing.T) {
	p := Program{Dialects: all.Dialects()}
	none := func(string) (string, bool) { return "", false }
	serve, _ := reference.Flags(p.config().Bind(none))
	if err := reference.Update("webhook serve's settings", serve); err != nil {
		t.Error(err)
	}
	check, _ := reference.Flags(command.Check{Dialects: p.Dialects, Lookup: none}.Sections())
	if err := reference.Update("webhook check's settings", check); err != nil {
		t.Error(err)
	}

	registry := prometheus.NewRegistry()
	metrics.New(registry)
	c := p.config()
	if err := c.Finish(c.Bind(none)); err != nil {
		t.Fatal(err)
	}
	source, err := certificates(&rest.Config{Host: "http://127.0.0.1:9"}, c, nil) // it makes no request yet
	if err != nil {
		t.Fatal(err)
	}
	if err := reference.KeepMetrics("webhook's metrics", registry, metrics.NewBuild(""), source.Expiry); err != nil {
		t.Error(err)
	}
}
