package app

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	controllermetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/shared/template/worker"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/config"
	"github.com/secretgate/secretgate/syncer/internal/controller"
	extension "github.com/secretgate/secretgate/syncer/internal/dialect"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
	"github.com/secretgate/secretgate/syncer/internal/shard"
)

// syncer is all kinds of objects that are served, and the one engine that reads for them.
type syncer struct {
	mgr    manager.Manager
	config *config.Config
	shares *shard.Shares // of the objects: this replica's
	engine *fetch.Engine
	calls  *backend.Metrics
	// templates are rendered for all kinds.
	templates worker.Pool
	secrets   apply.Known
	known     func(ctx context.Context, kind dialect.Type) (bool, error) // to the cluster

	mu    sync.RWMutex
	kinds map[schema.GroupKind]served // those that have a controller
}

// served is one of them.
type served struct {
	kind    dialect.Kind
	notify  func(object plan.ID, priority fetch.Priority)
	retry   func()
	metrics *metrics.Kind
}

func newSyncer(mgr manager.Manager, c *config.Config, drivers map[plan.Backend]driver.Driver, calls *backend.Metrics,
	shares *shard.Shares) *syncer {
	c.Policy.Settings.Compiled = &policy.Compiled{}
	s := &syncer{mgr: mgr, config: c, shares: shares, calls: calls, kinds: map[schema.GroupKind]served{}}
	s.engine = &fetch.Engine{
		Reader: &backend.Client{
			Drivers: drivers, Metrics: calls,
			Timeout: c.BackendTimeout, TimeoutOf: func(store plan.Store) time.Duration { return c.Timeouts[store] },
		},
		Notify: func(object plan.ID, priority fetch.Priority) { s.of(object).notify(object, priority) },
		Observe: func(object plan.ID, ok bool, at time.Time) {
			s.of(object).metrics.Refreshed(object.NamespacedName, ok, at)
		},
	}
	return s
}

// of is the kind of an object that the engine reads for: its controller has subscribed it.
func (s *syncer) of(object plan.ID) served {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.kinds[object.Kind]
}

// retry has the objects of a kind attempted again, if it has a controller by now.
func (s *syncer) retry(kind schema.GroupKind) {
	if retry := s.of(plan.ID{Kind: kind}).retry; retry != nil {
		retry()
	}
}

// serve has a controller serve each kind, once the cluster knows it.
func (s *syncer) serve(ctx context.Context, objects *metrics.Objects) error {
	kinds := s.config.Dialects.Kinds()
	var problems []error
	for _, kind := range kinds {
		how := extension.Sync{}
		if e := s.config.Extensions[kind.Type().Dialect]; e != nil {
			how = e.Sync(kind)
		}
		counts := objects.Of(kind.Type(), how.View)
		a := &arrival{syncer: s, kind: kind, add: func(ctx context.Context) error { return s.add(ctx, kind, kinds, how, counts) }}
		problems = append(problems, a.prepare(ctx))
	}
	return errors.Join(problems...)
}

// add makes a controller for one kind.
func (s *syncer) add(ctx context.Context, kind dialect.Kind, kinds []dialect.Kind, how extension.Sync, counts *metrics.Kind) error {
	c, mgr := s.config, s.mgr
	r := &controller.Reconciler{
		Kind:   kind,
		Stores: s.stores(kind),
		Settings: controller.Settings{
			Name: cmp.Or(how.Name, strings.ToLower(kind.Type().Kind)), Policy: c.Policy.Settings,
			RefreshInterval: cmp.Or(how.Interval, c.RefreshInterval), DisablePolling: c.DisablePolling,
			StatusHeartbeat: c.StatusHeartbeat, WatchSecrets: c.WatchSecrets, Workers: c.Workers,
			Namespaces: c.WatchedNamespaces, Tenancies: c.Tenancies,
		},
		Client:    mgr.GetClient(),
		Cache:     mgr.GetCache(),
		Live:      mgr.GetAPIReader(),
		Engine:    s.engine,
		Writer:    &apply.Writer{Client: mgr.GetClient(), Known: &s.secrets},
		Recorder:  mgr.GetEventRecorder(names.Reporter),
		Templates: s.templates.Render,
		Opener:    how.Opener,
		Metrics:   counts,
		Owns:      s.shares.Owns,
	}
	if how.NewTakeover != nil {
		r.Takeover = how.NewTakeover(mgr, kinds)
	}
	if err := controller.Index(ctx, mgr.GetFieldIndexer(), kind, r.Stores); err != nil {
		return err
	}
	s.mu.Lock()
	s.kinds[kind.Type().GroupKind()] = served{kind: kind, notify: r.Notify, retry: r.Retry, metrics: counts}
	s.mu.Unlock()
	return errors.Join(r.Add(mgr), s.report(r.Stores))
}

// report has the stores say themselves whether they can be used.
func (s *syncer) report(stores []dialect.StoreKind) error {
	var problems []error
	for _, kind := range stores {
		reporting, ok := kind.(dialect.Reporting)
		if !ok {
			continue
		}
		of := kind.Type()
		r := &controller.StoreReconciler{
			Kind: reporting, Stores: stores, Name: of.Dialect + "-" + strings.ToLower(of.Kind),
			Policy: s.config.Policy.Settings, Namespaces: s.config.WatchedNamespaces,
			Client: s.mgr.GetClient(), Live: s.mgr.GetAPIReader(), Owns: s.shares.Owns,
		}
		problems = append(problems, r.Add(s.mgr))
	}
	return errors.Join(problems...)
}

// stores are the kinds of objects that those of a kind refer to.
func (s *syncer) stores(kind dialect.Kind) []dialect.StoreKind {
	var all []dialect.StoreKind
	for _, store := range s.config.Dialects.Stores() {
		if store.Type().Dialect == kind.Type().Dialect {
			all = append(all, store)
		}
	}
	return all
}

// haveRead waits until the objects of each kind that has a controller by now have been read, and reports whether they have.
func (s *syncer) haveRead(ctx context.Context) bool {
	s.mu.RLock()
	kinds := slices.Collect(maps.Values(s.kinds))
	s.mu.RUnlock()
	for _, k := range kinds {
		if _, err := s.mgr.GetCache().GetInformer(ctx, k.kind.New()); err != nil { // it waits for the first list
			return false
		}
	}
	return s.mgr.GetCache().WaitForCacheSync(ctx)
}

// listSecrets learns what the Secrets of the replica's objects are like, once it is known which these are. Each Secret that it does not
// learn of is read for its first comparison.
func (s *syncer) listSecrets(ctx context.Context) error {
	if !s.config.WatchSecrets {
		return nil
	}
	if _, err := s.shares.View(ctx); err != nil {
		return nil //nolint:nilerr // the process ends
	}
	if err := s.secrets.Load(ctx, s.mgr.GetAPIReader(), s.config.WatchedNamespaces, s.shares.Owns); err != nil && ctx.Err() == nil {
		slog.New(s.config.Handler).WarnContext(ctx, "Secrets are read one by one, since they cannot be listed", "error", err.Error())
	}
	return nil
}

// run starts the engine, and what the dialects have beside their controllers.
func (s *syncer) run(running extension.Running) error {
	running.Retry = s.retry
	problems := []error{
		s.mgr.Add(manager.RunnableFunc(s.engine.Run)),
		s.mgr.Add(manager.RunnableFunc(s.listSecrets)),
		s.mgr.AddHealthzCheck("fetch", func(*http.Request) error { return s.engine.Stalled(time.Now()) }),
		controllermetrics.Registry.Register(fetch.NewMetrics(s.engine)),
	}
	for name := range s.config.Dialects.Chosen() {
		if e := s.config.Extensions[name]; e != nil {
			for _, collector := range e.Metrics(s.calls) {
				problems = append(problems, controllermetrics.Registry.Register(collector))
			}
			problems = append(problems, e.Start(s.mgr, running))
		}
	}
	return errors.Join(problems...)
}
