// Package vso is what the syncer has of Vault Secrets Operator's dialect: how Secrets and objects are taken over from it.
package vso

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	shared "github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/vso"
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/internal/controller"
	"github.com/secretgate/secretgate/syncer/internal/dialect"
)

// Name of the dialect.
const Name = vso.Name

// Extension is the syncer's configuration for VaultStaticSecrets, of which there is none.
type Extension struct{}

// Bind implements dialect.Extension.
func (*Extension) Bind(*settings.Section) {}

// Finish implements dialect.Extension.
func (*Extension) Finish(shared.Installation, dialect.Common) error { return nil }

// Sync implements dialect.Extension.
func (*Extension) Sync(shared.Kind) dialect.Sync {
	return dialect.Sync{NewTakeover: func(mgr manager.Manager, _ []shared.Kind) controller.Takeover {
		return &takeover{client: mgr.GetClient()}
	}}
}

// Metrics implements dialect.Extension: which ones Vault Secrets Operator has, no document says.
func (*Extension) Metrics(*backend.Metrics) []prometheus.Collector { return nil }

// Start implements dialect.Extension.
func (*Extension) Start(manager.Manager, dialect.Running) error { return nil }
