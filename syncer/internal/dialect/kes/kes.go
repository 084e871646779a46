// Package kes is what the syncer has of kubernetes-external-secrets' dialect: its metrics.
package kes

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	shared "github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/kes"
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/internal/dialect"
)

// Name of the dialect.
const Name = kes.Name

// Extension implements dialect.Extension.
type Extension struct{}

// Bind implements dialect.Extension.
func (*Extension) Bind(*settings.Section) {}

// Finish implements dialect.Extension.
func (*Extension) Finish(shared.Installation, dialect.Common) error { return nil }

// Sync implements dialect.Extension.
func (*Extension) Sync(shared.Kind) dialect.Sync { return dialect.Sync{View: view{}} }

// Metrics implements dialect.Extension.
func (*Extension) Metrics(*backend.Metrics) []prometheus.Collector { return nil }

// Start implements dialect.Extension.
func (*Extension) Start(manager.Manager, dialect.Running) error { return nil }
