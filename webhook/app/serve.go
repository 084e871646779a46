package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/go-logr/logr"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	controllermetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	"github.com/secretgate/secretgate/shared/build"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/shared/template/worker"
	"github.com/secretgate/secretgate/webhook/internal/admit"
	"github.com/secretgate/secretgate/webhook/internal/certs"
	"github.com/secretgate/secretgate/webhook/internal/config"
	"github.com/secretgate/secretgate/webhook/internal/metrics"
)

// serve runs the webhook until ctx ends.
func serve(ctx context.Context, c *config.Config, version string) error {
	log := slog.New(c.Handler)
	ctrl.SetLogger(logr.FromSlogHandler(c.Handler))
	klog.SetLogger(logr.FromSlogHandler(c.Handler))
	log.Info("Secretgate's webhook starts", "version", version, "fips140", build.FIPS140(), "tls", c.TLS)
	if c.Pprof.Exposed() {
		log.Warn("Profiles are served on an address that other pods may reach: bind them to 127.0.0.1", "address", c.Pprof.Address)
	}

	cluster, err := restConfig(c.Kubeconfig)
	if err != nil {
		return err
	}
	clients, err := clientsOf(c)
	if err != nil {
		return err
	}
	source, err := certificates(cluster, c, clients)
	if err != nil {
		return err
	}
	mgr, err := newManager(cluster, c)
	if err != nil {
		return err
	}
	if err := controllermetrics.Registry.Register(metrics.NewBuild(version)); err != nil {
		return fmt.Errorf("register the metric of the version: %w", err)
	}
	if err := assemble(ctx, mgr, c, source, clients, log); err != nil {
		return err
	}
	err = mgr.Start(ctx)
	log.Info("Secretgate's webhook stops")
	return err
}

func restConfig(kubeconfig string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	cluster, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("how to reach the cluster is not known; set --kubeconfig, or run in a pod: %w", err)
	}
	cluster.QPS = -1 // the API server's own fairness decides: namespaces are read live before every denial
	// They are logged otherwise, and an admission policy's may quote what was written: the key of the webhook's own CA.
	cluster.WarningHandlerWithContext = rest.NoWarnings{}
	return rest.AddUserAgent(cluster, "secretgate-webhook"), nil
}

// clientsOf are the clients that may call the webhook; nil: all.
func clientsOf(c *config.Config) (*certs.Clients, error) {
	if c.ClientCA == "" {
		return nil, nil
	}
	return certs.NewClients(c.ClientCA, c.ClientNames)
}

func certificates(cluster *rest.Config, c *config.Config, clients *certs.Clients) (*certs.Source, error) {
	scheme, err := newScheme(c)
	if err != nil {
		return nil, err
	}
	// A client of its own, past the cache: see certs.Dependencies.
	api, err := client.NewWithWatch(cluster, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	d := certs.Dependencies{
		API: api, Configuration: c.WebhookConfiguration, Clients: clients,
		Address: fmt.Sprintf("127.0.0.1:%d", c.Port),
		Log:     logr.FromSlogHandler(c.Handler).WithName("certs"),
	}
	switch c.TLS {
	case config.TLSFiles:
		return certs.NewFiles(d, c.CertDir)
	case config.TLSCertManager:
		return certs.NewCertManager(d, c.CertDir)
	default:
		return certs.NewSelfSigned(d, certs.SelfSigned{Namespace: c.Namespace, Secret: c.TLSSecret, Names: c.TLSNames})
	}
}

// gracePeriod is longer than the server's end takes. Together with the pod's preStop it stays below Kubernetes' 30 seconds.
const gracePeriod = drainTime + callTime + 5*time.Second

func newManager(cluster *rest.Config, c *config.Config) (manager.Manager, error) {
	scheme, err := newScheme(c)
	if err != nil {
		return nil, err
	}
	grace := gracePeriod
	mgr, err := ctrl.NewManager(cluster, ctrl.Options{
		Scheme:                  scheme,
		Cache:                   cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
		Metrics:                 metricsserver.Options{BindAddress: c.MetricsBindAddress},
		HealthProbeBindAddress:  c.HealthProbeBindAddress,
		PprofBindAddress:        c.Pprof.Address,
		GracefulShutdownTimeout: &grace,
	})
	if err != nil {
		return nil, fmt.Errorf("prepare to serve: %w", err)
	}
	return mgr, nil
}

func newScheme(c *config.Config) (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	return scheme, errors.Join(
		corev1.AddToScheme(scheme), admissionregistrationv1.AddToScheme(scheme), c.Dialects.AddToScheme(scheme))
}

// assemble lists all that runs.
func assemble(
	ctx context.Context, mgr manager.Manager, c *config.Config, source *certs.Source, clients *certs.Clients, log *slog.Logger,
) error {
	c.Policy.Settings.Compiled = &policy.Compiled{}
	counts := metrics.New(controllermetrics.Registry) // what the manager's server shows
	if err := controllermetrics.Registry.Register(source.Expiry); err != nil {
		return fmt.Errorf("register the metrics of certificates: %w", err)
	}
	opens, err := openerOf(mgr, c, log)
	if err != nil {
		return err
	}
	gate := &server{port: c.Port, tls: servingTLS(source, clients), handler: admission(mgr, c, opens, counts, log), log: log}
	informer, err := mgr.GetCache().GetInformer(ctx, admit.NamespaceMetadata(), cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watch namespaces: %w", err)
	}
	if err := watchStores(ctx, mgr.GetCache(), c.Dialects.Stores(), log); err != nil {
		return err
	}
	return errors.Join(
		mgr.Add(source),
		mgr.Add(gate),
		mgr.Add(renamed{api: mgr.GetAPIReader(), configuration: c.WebhookConfiguration, settings: c.Policy.Settings, log: log}),
		mgr.AddHealthzCheck("ping", healthz.Ping),
		mgr.AddReadyzCheck("namespaces", logged(log, "namespaces", synced(informer))),
		mgr.AddReadyzCheck("certificate", logged(log, "certificate", source.Ready)),
		mgr.AddReadyzCheck("end", logged(log, "end", gate.ready)),
	)
}

// watchStores starts the informers of the kinds that objects refer to, but for those that are read live. One that is not installed is
// watched once an object refers to it.
func watchStores(ctx context.Context, informers cache.Informers, stores []dialect.StoreKind, log *slog.Logger) error {
	for _, kind := range stores {
		if _, unwatched := kind.(dialect.Unwatched); unwatched {
			continue
		}
		switch _, err := informers.GetInformer(ctx, kind.New(), cache.BlockUntilSynced(false)); {
		case meta.IsNoMatchError(err):
			log.WarnContext(ctx, "A kind that objects refer to is not installed: such objects are stored with a warning",
				"kind", kind.Type().Kind, "group", kind.Type().Group)
		case err != nil:
			return fmt.Errorf("watch kind %s: %w", kind.Type().Kind, err)
		}
	}
	return nil
}

// servingTLS is how the webhook speaks TLS. API servers speak HTTP/1.1 to webhooks, so that they spread over replicas; HTTP/2 would
// take in bodies before they have their turn.
func servingTLS(source *certs.Source, clients *certs.Clients) *tls.Config {
	all := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: source.GetCertificate, NextProtos: []string{"http/1.1"}}
	if clients == nil {
		return all
	}
	return clients.Demand(all)
}

// admission answers what the webhook configurations ask: the conversion and the verdict on objects of all dialects, and the verdict
// on Namespaces.
func admission(mgr manager.Manager, c *config.Config, opens admit.Opens, counts *metrics.Metrics, log *slog.Logger) http.Handler {
	limiter, templates := admit.NewLimiter(), &worker.Pool{}
	kinds := c.Dialects.Kinds()
	references := admit.References{Kinds: c.Dialects.Stores(), Cached: mgr.GetCache(), Live: mgr.GetAPIReader()}
	namespaces := admit.Namespaces{Cached: mgr.GetCache(), Live: mgr.GetAPIReader()}
	stored := admit.Stored{
		Kinds: kinds, References: references, Live: mgr.GetAPIReader(), Settings: c.Policy.Settings,
		Turns: make(chan struct{}, 1), // one page of objects in memory
	}
	return routes(limiter, map[string]admit.Handler{
		"/mutate": &admit.Mutator{Kinds: kinds, Limiter: limiter, Log: log, Metrics: counts},
		"/validate": &admit.Validator{
			Kinds: kinds, References: references, Namespaces: namespaces, Settings: c.Policy.Settings, Stored: stored,
			Templates: templates.Check, Opens: opens, Limiter: limiter, Log: log, Metrics: counts,
		},
		"/validate-namespace": &admit.NamespaceValidator{Stored: stored, Limiter: limiter, Log: log, Metrics: counts},
	})
}

// routes leads each path to its handler, through the limiter that they share.
func routes(limiter *admit.Limiter, handlers map[string]admit.Handler) http.Handler {
	mux := http.NewServeMux()
	// It is not started, as our own server ends better. What it registers counts calls and their latency.
	server := webhook.NewServer(webhook.Options{WebhookMux: mux})
	for path, handler := range handlers {
		server.Register(path, admit.NewIntake(limiter, handler))
	}
	return mux
}

func synced(informer cache.Informer) healthz.Checker {
	return func(*http.Request) error {
		if !informer.HasSynced() {
			return errors.New("the namespaces have not been read yet")
		}
		return nil
	}
}

// logged logs a check's result when it changes: the response to the probe withholds the reason, since the port is open to the whole
// cluster.
func logged(log *slog.Logger, name string, check healthz.Checker) healthz.Checker {
	var mu sync.Mutex
	last := "not checked yet"
	return func(request *http.Request) error {
		err := check(request)
		now := ""
		if err != nil {
			now = err.Error()
		}
		mu.Lock()
		defer mu.Unlock()
		if now != last && now != "" {
			log.Warn("Not ready", "check", name, "why", now)
		}
		if now != last && now == "" {
			log.Info("Ready", "check", name)
		}
		last = now
		return err
	}
}
