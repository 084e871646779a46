// Package dialect holds what only the syncer knows of a dialect, in a folder each: what needs a client, and the flags and metrics of
// the dialect's original controller. Most dialects need none of it.
package dialect

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
	"github.com/secretgate/secretgate/syncer/internal/controller"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// Extension is the syncer's part of one dialect. The syncer makes it once, and calls the methods in their order.
type Extension interface {
	// Bind adds flags of the syncer's own to those of the dialect.
	Bind(s *settings.Section)
	// Finish checks them once flags are parsed, and changes settings of the whole syncer. The error lists everything that is wrong.
	Finish(installation dialect.Installation, common Common) error
	// Sync returns how the objects of one kind are synced.
	Sync(kind dialect.Kind) Sync
	// Metrics returns the metrics that the dialect has beside Views. Some may show the calls of backends under other names.
	Metrics(calls *backend.Metrics) []prometheus.Collector
	// Start adds what runs beside the controllers.
	Start(mgr manager.Manager, running Running) error
}

// Common is the part of the configuration that an Extension may read and change.
type Common struct {
	WatchedNamespaces  []string // empty: all
	Alone              bool     // no other dialect is served
	MetricsBindAddress *string
	Debug              func() // logs more
	Vault              *hashivault.Config
	Azure              *azurekeyvault.Config
	// Timeouts are those of the reads of single Stores, where they differ from the usual one.
	Timeouts map[plan.Store]time.Duration
}

// Sync is how the objects of one kind are synced. The zero value means the defaults.
type Sync struct {
	Name     string        // of the controller, in logs and metrics; empty: the kind, in lower case
	Interval time.Duration // between two refreshes of an object that does not say; 0: the installation's
	View     metrics.View
	// NewTakeover makes what takes over from the original controller, with the manager that the controllers run in and all kinds that
	// are served. Nil: there is nothing to take over.
	NewTakeover func(mgr manager.Manager, kinds []dialect.Kind) controller.Takeover
	// Opener opens what the objects hold sealed. Nil: they hold nothing.
	Opener render.Opener
}

// Running is what Start may use.
type Running struct {
	Drivers   map[plan.Backend]driver.Driver
	Log       *slog.Logger
	Namespace string               // of the syncer itself
	Owns      func(types.UID) bool // whether this replica serves an object, or has the turn to do what one replica does
	// Retry has the objects of a kind attempted again now, those that are not in sync, however long their back-off. It may be called any time.
	Retry func(kind schema.GroupKind)
}
