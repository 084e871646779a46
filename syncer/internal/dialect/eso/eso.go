// Package eso is what the syncer has of External Secrets Operator's dialect: its interval, its metrics, and how Secrets and objects are
// taken over from it.
package eso

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	shared "github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/eso"
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/internal/controller"
	"github.com/secretgate/secretgate/syncer/internal/dialect"
)

// Name of the dialect.
const Name = eso.Name

// Extension is the syncer's configuration for External Secrets Operator's ExternalSecrets.
type Extension struct {
	flag     string
	interval time.Duration // of refreshes, where an object names none
}

// Bind implements dialect.Extension.
func (e *Extension) Bind(s *settings.Section) {
	pace, fallback := new(eso.Installation).Pace()
	e.flag = pace
	s.Duration(&e.interval, pace, fallback, time.Second,
		"how often ExternalSecrets of external-secrets.io are read that have no spec.refreshInterval", "ESO_REFRESH_INTERVAL")
}

// Finish implements dialect.Extension.
func (e *Extension) Finish(shared.Installation, dialect.Common) error {
	if e.interval <= 0 {
		return fmt.Errorf("--%s is %s: must be more than 0", e.flag, e.interval)
	}
	return nil
}

// Sync implements dialect.Extension. The controller of kubernetes-external-secrets' objects has the name of the kind.
func (e *Extension) Sync(shared.Kind) dialect.Sync {
	return dialect.Sync{
		Name: "eso-externalsecret", Interval: e.interval, View: view{},
		NewTakeover: func(mgr manager.Manager, _ []shared.Kind) controller.Takeover {
			return &takeover{client: mgr.GetClient()}
		},
	}
}

// Metrics implements dialect.Extension.
func (*Extension) Metrics(calls *backend.Metrics) []prometheus.Collector {
	return []prometheus.Collector{providerCalls{calls}}
}

// Start implements dialect.Extension.
func (*Extension) Start(manager.Manager, dialect.Running) error { return nil }
