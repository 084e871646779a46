package app

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	controllermetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/config"
	"github.com/secretgate/secretgate/syncer/internal/controller"
	extension "github.com/secretgate/secretgate/syncer/internal/dialect"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
)

// house is all kinds of objects that are served, and the one engine that reads for them.
type house struct {
	mgr    manager.Manager
	config *config.Config
	owns   func(types.UID) bool
	engine *fetch.Engine
	known  func(ctx context.Context, kind dialect.Type) (bool, error) // to the cluster

	mu    sync.RWMutex
	kinds map[schema.GroupKind]served // those that have a controller
}

// served is one of them.
type served struct {
	notify  func(object plan.ID, lane fetch.Lane)
	metrics *metrics.Kind
}

func newHouse(mgr manager.Manager, c *config.Config, drivers map[plan.Backend]driver.Driver, calls *backend.Metrics,
	owns func(types.UID) bool) *house {
	h := &house{mgr: mgr, config: c, owns: owns, kinds: map[schema.GroupKind]served{}}
	h.engine = &fetch.Engine{
		Reader: &backend.Client{
			Drivers: drivers, Timeout: c.BackendTimeout, TimeoutOf: func(s plan.Store) time.Duration { return c.Timeouts[s] }, Metrics: calls,
		},
		Notify: func(object plan.ID, lane fetch.Lane) { h.of(object).notify(object, lane) },
		Observe: func(object plan.ID, ok bool, at time.Time) {
			h.of(object).metrics.Refreshed(object.NamespacedName, ok, at)
		},
	}
	return h
}

// of is the kind of an object that the engine reads for: its controller has subscribed it.
func (h *house) of(object plan.ID) served {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.kinds[object.Kind]
}

// serve has a controller serve each kind, once the cluster knows it.
func (h *house) serve(ctx context.Context, objects *metrics.Objects) error {
	kinds := h.config.Dialects.Kinds()
	var problems []error
	for _, kind := range kinds {
		how := extension.Sync{}
		if e := h.config.Extensions[kind.Type().Dialect]; e != nil {
			how = e.Sync(kind)
		}
		counts := objects.Of(kind.Type(), how.View)
		a := &arrival{house: h, kind: kind, add: func(ctx context.Context) error { return h.add(ctx, kind, kinds, how, counts) }}
		problems = append(problems, a.prepare(ctx))
	}
	return errors.Join(problems...)
}

// add makes a controller for one kind.
func (h *house) add(ctx context.Context, kind dialect.Kind, kinds []dialect.Kind, how extension.Sync, counts *metrics.Kind) error {
	c, mgr := h.config, h.mgr
	r := &controller.Reconciler{
		Kind:   kind,
		Stores: h.stores(kind),
		Settings: controller.Settings{
			Name: cmp.Or(how.Name, strings.ToLower(kind.Type().Kind)), Policy: c.Policy.Settings,
			RefreshInterval: cmp.Or(how.Interval, c.RefreshInterval), DisablePolling: c.DisablePolling,
			StatusHeartbeat: c.StatusHeartbeat, WatchSecrets: c.WatchSecrets, Workers: c.Workers,
			Namespaces: c.WatchedNamespaces,
		},
		Client:   mgr.GetClient(),
		Cache:    mgr.GetCache(),
		Live:     mgr.GetAPIReader(),
		Engine:   h.engine,
		Writer:   &apply.Writer{Client: mgr.GetClient()},
		Recorder: mgr.GetEventRecorder(names.Reporter),
		Metrics:  counts,
		Owns:     h.owns,
	}
	if how.Importer != nil {
		r.Importer = how.Importer(mgr, kinds)
	}
	if err := controller.Index(ctx, mgr.GetFieldIndexer(), kind, r.Stores); err != nil {
		return err
	}
	h.mu.Lock()
	h.kinds[kind.Type().GroupKind()] = served{notify: r.Notify, metrics: counts}
	h.mu.Unlock()
	return r.Add(mgr)
}

// stores are the kinds of objects that those of a kind refer to.
func (h *house) stores(kind dialect.Kind) []dialect.StoreKind {
	var all []dialect.StoreKind
	for _, store := range h.config.Dialects.Stores() {
		if store.Type().Dialect == kind.Type().Dialect {
			all = append(all, store)
		}
	}
	return all
}

// run starts the engine, and what the dialects have beside their controllers.
func (h *house) run(running extension.Running) error {
	problems := []error{
		h.mgr.Add(manager.RunnableFunc(h.engine.Run)),
		h.mgr.AddHealthzCheck("fetch", func(*http.Request) error { return h.engine.Stalled(time.Now()) }),
		controllermetrics.Registry.Register(fetch.NewMetrics(h.engine)),
	}
	for name := range h.config.Dialects.Chosen() {
		if e := h.config.Extensions[name]; e != nil {
			for _, collector := range e.Metrics() {
				problems = append(problems, controllermetrics.Registry.Register(collector))
			}
			problems = append(problems, e.Start(h.mgr, running))
		}
	}
	return errors.Join(problems...)
}
