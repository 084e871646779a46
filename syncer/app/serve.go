package app

import (
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	controllermetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/config"
	"github.com/secretgate/secretgate/syncer/internal/controller"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
)

// served is one kind of objects, and how it is read.
type served struct {
	api      controller.API
	drivers  map[apiv1.Backend]driver.Driver
	timeout  time.Duration // of one read
	interval time.Duration // between two
	metrics  interface {
		controller.Metrics
		prometheus.Collector
		Refreshed(object types.NamespacedName, success bool, at time.Time)
	}
}

// serve makes a controller for one kind of objects, and an engine of its own: its drivers are set up apart from those of
// other kinds, so that there is nothing to share.
func serve(mgr manager.Manager, c *config.Config, s served, calls *backend.Metrics, owns func(types.UID) bool) (*fetch.Engine, error) {
	engine := &fetch.Engine{Reader: &backend.Client{Drivers: s.drivers, Timeout: s.timeout, Metrics: calls}}
	reconciler := &controller.Reconciler{
		API: s.api,
		Settings: controller.Settings{
			Policy: c.Policy.Settings, RefreshInterval: s.interval, DisablePolling: c.DisablePolling,
			StatusHeartbeat: c.StatusHeartbeat, WatchSecrets: c.WatchSecrets, Workers: c.Workers,
			Namespaces: c.WatchedNamespaces,
		},
		Client:   mgr.GetClient(),
		Cache:    mgr.GetCache(),
		Live:     mgr.GetAPIReader(),
		Engine:   engine,
		Writer:   &apply.Writer{Client: mgr.GetClient()},
		Recorder: mgr.GetEventRecorder(apiv1.FieldManager),
		Metrics:  s.metrics,
		Owns:     owns,
	}
	engine.Notify, engine.Observe = reconciler.Notify, s.metrics.Refreshed
	return engine, errors.Join(
		controllermetrics.Registry.Register(s.metrics),
		reconciler.Add(mgr),
		mgr.Add(manager.RunnableFunc(engine.Run)),
		mgr.AddHealthzCheck("fetch-"+s.api.Name, func(*http.Request) error { return engine.Stalled(time.Now()) }),
	)
}
