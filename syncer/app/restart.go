package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	controllermetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/syncer/internal/config"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
	"github.com/secretgate/secretgate/syncer/internal/restart"
	"github.com/secretgate/secretgate/syncer/internal/restart/rollout"
	"github.com/secretgate/secretgate/syncer/internal/restart/workload"
)

// restartLease is the name of the Lease that the replica holds which restarts workloads.
const restartLease = "secretgate-restarter"

// restartCommand restarts workloads when their Secrets change.
func (p Program) restartCommand() *cobra.Command {
	c := &config.Restart{Dialects: dialect.Choice{All: p.Dialects, Service: dialect.Syncer}}
	sections := c.Bind(p.Lookup)
	cmd := &cobra.Command{
		Use:   "restart",
		Short: "Restart workloads whose Secrets have changed",
		Long: "Restarts the workloads that ask for it when the syncer has changed a Secret which they read: once, within budgets,\n" +
			"and never while a rollout is under way. It reads no Secret, and holds no credential of a backend.\n" +
			"Runs until SIGTERM or SIGINT. Flags win over environment variables.\n" +
			"Exit codes: 0 clean stop, 1 failure, 2 bad usage or configuration.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.Finish(sections); err != nil {
				return err
			}
			if err := runRestarts(cmd.Context(), c, p.Version); err != nil {
				return failure{err}
			}
			return nil
		},
	}
	group(cmd, sections)
	return cmd
}

// runRestarts restarts workloads until ctx ends.
func runRestarts(ctx context.Context, c *config.Restart, version string) error {
	log := slog.New(c.Handler)
	ctrl.SetLogger(logr.FromSlogHandler(c.Handler))
	klog.SetLogger(logr.FromSlogHandler(c.Handler))
	redirectLibraries(log)
	log.Info("Secretgate's restarter starts", "version", version, "reloaderAnnotations", c.Reloader)
	cluster, namespace, err := restConfig(c.Kubeconfig)
	if err != nil {
		return err
	}
	cluster = rest.AddUserAgent(cluster, names.RestarterManager)
	mgr, err := newRestartManager(cluster, c, namespace)
	if err != nil {
		return err
	}
	if err := assembleRestarts(mgr, c, log, version); err != nil {
		return err
	}
	err = mgr.Start(ctx)
	log.Info("Secretgate's restarter stops")
	return err
}

func newRestartManager(cluster *rest.Config, c *config.Restart, namespace string) (manager.Manager, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), appsv1.AddToScheme(scheme), eventsv1.AddToScheme(scheme),
		rollout.AddToScheme(scheme), c.Dialects.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	grace := gracePeriod
	mgr, err := ctrl.NewManager(cluster, ctrl.Options{
		Scheme: scheme,
		Cache: cache.Options{
			NewInformer: restart.NewInformer, DefaultTransform: restart.Transform(c.Dialects.Kinds(), c.Reloader),
			DefaultNamespaces: only(c.WatchedNamespaces),
		},
		Metrics:                 metricsserver.Options{BindAddress: c.MetricsBindAddress},
		HealthProbeBindAddress:  c.HealthProbeBindAddress,
		PprofBindAddress:        c.Pprof.Address,
		GracefulShutdownTimeout: &grace,
		// One replica works, so that budgets hold. The others wait. A restart may wait, too, where the one that works has died: the Lease is
		// renewed less often than others are.
		LeaderElection: true, LeaderElectionID: restartLease, LeaderElectionNamespace: cmp.Or(c.LeaseNamespace, namespace),
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 new(30 * time.Second), RenewDeadline: new(20 * time.Second), RetryPeriod: new(5 * time.Second),
	})
	if err != nil {
		return nil, fmt.Errorf("prepare to restart workloads: %w", err)
	}
	return mgr, nil
}

// assembleRestarts lists all that runs.
func assembleRestarts(mgr manager.Manager, c *config.Restart, log *slog.Logger, version string) error {
	known, err := discovery.NewDiscoveryClientForConfig(mgr.GetConfig())
	if err != nil {
		return err
	}
	r := &restart.Reconciler{
		Client: mgr.GetClient(), Instance: instance(),
		Limits: c.Limits, Budget: c.Budget, Options: workload.Options{Reloader: c.Reloader},
		Metrics: restart.NewMetrics(), Log: log,
	}
	watches, err := r.Add(mgr)
	if err != nil {
		return err
	}
	later := &latecomers{known: knows(known), log: log}
	for _, kind := range c.Dialects.Kinds() {
		later.add(kind.Type(), func() error { return watches.AddKind(kind) })
	}
	later.add(dialect.Type{GroupVersionKind: rollout.GroupVersion.WithKind(workload.Rollout), Resource: rollout.Resource}, watches.AddRollouts)
	var synced atomic.Bool
	return errors.Join(
		controllermetrics.Registry.Register(r.Metrics),
		controllermetrics.Registry.Register(metrics.NewBuild(version)),
		mgr.Add(later),
		mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
			synced.Store(mgr.GetCache().WaitForCacheSync(ctx))
			<-ctx.Done()
			return nil
		})),
		mgr.AddHealthzCheck("running", func(*http.Request) error { return nil }),
		mgr.AddReadyzCheck("caches", func(*http.Request) error {
			select {
			case <-mgr.Elected():
			default:
				return nil // another replica works
			}
			if !synced.Load() {
				return errors.New("the objects of the cluster have not been read yet")
			}
			return nil
		}),
	)
}

// instance names this process in events, which the API server demands.
func instance() string {
	hostname, err := os.Hostname()
	if err != nil || hostname == "" {
		return names.RestarterManager
	}
	return hostname
}

// latecomers are kinds of objects that the cluster may not know yet. Each is watched once it does.
type latecomers struct {
	known   func(ctx context.Context, of dialect.Type) (bool, error)
	log     *slog.Logger
	waiting []latecomer
}

type latecomer struct {
	of    dialect.Type
	watch func() error
}

func (l *latecomers) add(of dialect.Type, watch func() error) {
	l.waiting = append(l.waiting, latecomer{of, watch})
}

// Start implements manager.Runnable. It runs where this replica works, as the watches do.
func (l *latecomers) Start(ctx context.Context) error {
	for {
		var left []latecomer
		for _, one := range l.waiting {
			known, err := l.known(ctx, one.of)
			if err != nil && ctx.Err() == nil {
				l.log.WarnContext(ctx, "The cluster does not say whether it knows a kind", "kind", one.of.Kind, "group", one.of.Group, "error", err)
			}
			if !known {
				left = append(left, one)
				continue
			}
			if err := one.watch(); err != nil {
				return fmt.Errorf("watch %s.%s: %w", one.of.Resource, one.of.Group, err)
			}
			l.log.InfoContext(ctx, "A kind of objects is watched", "kind", one.of.Kind, "group", one.of.Group)
		}
		if l.waiting = left; len(left) == 0 {
			<-ctx.Done()
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(arrivalPeriod):
		}
	}
}
