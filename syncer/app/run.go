package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	controllermetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/alicloudkms"
	"github.com/secretgate/secretgate/syncer/backend/awsparameterstore"
	"github.com/secretgate/secretgate/syncer/backend/awssecretsmanager"
	"github.com/secretgate/secretgate/syncer/backend/awssession"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/gcpsecretmanager"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/config"
	"github.com/secretgate/secretgate/syncer/internal/controller"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
	"github.com/secretgate/secretgate/syncer/internal/shard"
)

// gracePeriod lets the objects that are being synced come to an end.
const gracePeriod = 20 * time.Second

// garbage is how much of it may come upon what lives, in percent, before it is collected: half of
// Go's default. The syncer mostly waits, so memory is what counts. GOGC sets another.
const garbage = 50

// drivers makes every backend that this syncer reads. They call nobody until they are used.
func drivers(c *config.Config) (map[apiv1.Backend]driver.Driver, error) {
	sessions, awsErr := awssession.New(c.AWS)
	secretsManager, smErr := awssecretsmanager.New(awssecretsmanager.Config{Sessions: sessions, Endpoint: c.SecretsManagerEndpoint})
	parameterStore, ssmErr := awsparameterstore.New(awsparameterstore.Config{Sessions: sessions, Endpoint: c.ParameterStoreEndpoint})
	vault, vaultErr := hashivault.New(c.Vault)
	azure, azureErr := azurekeyvault.New(c.Azure)
	google, googleErr := gcpsecretmanager.New(c.GCP)
	alicloud, alicloudErr := alicloudkms.New(c.Alicloud)
	return map[apiv1.Backend]driver.Driver{
		apiv1.BackendAWSSecretsManager: secretsManager,
		apiv1.BackendAWSParameterStore: parameterStore,
		apiv1.BackendVault:             vault,
		apiv1.BackendAzureKeyVault:     azure,
		apiv1.BackendGCPSecretManager:  google,
		apiv1.BackendAlicloudKMS:       alicloud,
	}, errors.Join(awsErr, smErr, ssmErr, vaultErr, azureErr, googleErr, alicloudErr)
}

// run syncs until ctx ends.
func run(ctx context.Context, c *config.Config, drivers map[apiv1.Backend]driver.Driver, version string) error {
	log := slog.New(c.Handler)
	ctrl.SetLogger(logr.FromSlogHandler(c.Handler))
	klog.SetLogger(logr.FromSlogHandler(c.Handler))
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	log.Info("Secretgate's syncer starts", "version", version, "refreshInterval", c.RefreshInterval.String())

	cluster, namespace, err := restConfig(c.Kubeconfig)
	if err != nil {
		return err
	}
	membership, err := newMembership(cluster, namespace, c, log)
	if err != nil {
		return err
	}
	mgr, err := newManager(cluster, c, shard.Informers{View: membership.View, Metrics: membership.Metrics})
	if err != nil {
		return err
	}
	if err := assemble(mgr, c, drivers, membership.Owns); err != nil {
		return err
	}
	if err := errors.Join(controllermetrics.Registry.Register(membership.Metrics),
		controllermetrics.Registry.Register(metrics.NewBuild(version)), mgr.AddReadyzCheck("shard", membership.Ready)); err != nil {
		return err
	}
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error { return membership.Run(ctx) }) // beside the manager, whose caches wait for it
	running.Go(func() error { return mgr.Start(ctx) })
	err = running.Wait()
	log.Info("Secretgate's syncer stops")
	return err
}

// assemble lists all that runs.
func assemble(mgr manager.Manager, c *config.Config, drivers map[apiv1.Backend]driver.Driver, owns func(types.UID) bool) error {
	calls, objects := backend.NewMetrics(), metrics.NewObjects()
	engine := &fetch.Engine{Reader: &backend.Client{Drivers: drivers, Timeout: c.BackendTimeout, Metrics: calls}}
	reconciler := &controller.Reconciler{
		Settings: controller.Settings{
			Policy: c.Policy.Settings, Defaults: c.Policy.Defaults, InstanceID: c.InstanceID,
			RefreshInterval: c.RefreshInterval, DisablePolling: c.DisablePolling,
			StatusHeartbeat: c.StatusHeartbeat, WatchSecrets: c.WatchSecrets, Workers: c.Workers,
		},
		Client:   mgr.GetClient(),
		Cache:    mgr.GetCache(),
		Live:     mgr.GetAPIReader(),
		Engine:   engine,
		Writer:   &apply.Writer{Client: mgr.GetClient()},
		Recorder: mgr.GetEventRecorder(apiv1.FieldManager),
		Metrics:  objects,
		Owns:     owns,
	}
	engine.Notify, engine.Observe = reconciler.Notify, objects.Refreshed
	var ready atomic.Bool
	return errors.Join(
		controllermetrics.Registry.Register(calls),
		controllermetrics.Registry.Register(objects),
		controllermetrics.Registry.Register(fetch.NewMetrics(engine)),
		reconciler.Add(mgr),
		mgr.Add(manager.RunnableFunc(engine.Run)),
		mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
			ready.Store(mgr.GetCache().WaitForCacheSync(ctx))
			<-ctx.Done()
			return nil
		})),
		mgr.AddHealthzCheck("fetch", func(*http.Request) error { return engine.Stalled(time.Now()) }),
		mgr.AddReadyzCheck("caches", func(*http.Request) error {
			if !ready.Load() {
				return errors.New("the objects of the cluster have not been read yet")
			}
			return nil
		}),
	)
}
