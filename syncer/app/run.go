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
	"github.com/secretgate/secretgate/syncer/internal/config"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
	"github.com/secretgate/secretgate/syncer/internal/kind"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
	"github.com/secretgate/secretgate/syncer/internal/shard"
)

// gracePeriod lets the objects that are being synced come to an end.
const gracePeriod = 20 * time.Second

// garbage is how much of it may come upon what lives, in percent, before it is collected: half of
// Go's default. The syncer mostly waits, so memory is what counts. GOGC sets another.
const garbage = 50

// backends are all that this syncer reads.
type backends struct {
	drivers     map[apiv1.Backend]driver.Driver // for ExternalSecrets
	definitions *definitions                    // nil: SecretDefinitions are not served
}

func backendsOf(c *config.Config) (backends, error) {
	drivers, err := drivers(c)
	definitions, definitionsErr := definitionsOf(c)
	return backends{drivers, definitions}, errors.Join(err, definitionsErr)
}

// drivers makes every backend that ExternalSecrets may name. They call nobody until they are used.
func drivers(c *config.Config) (map[apiv1.Backend]driver.Driver, error) {
	c.AWS.Log = slog.New(c.Handler)
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
func run(ctx context.Context, c *config.Config, b backends, version string) error {
	log := slog.New(c.Handler)
	ctrl.SetLogger(logr.FromSlogHandler(c.Handler))
	klog.SetLogger(logr.FromSlogHandler(c.Handler))
	redirectLibraries(log)
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
	if err := assemble(ctx, mgr, c, b, membership.Owns); err != nil {
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
func assemble(ctx context.Context, mgr manager.Manager, c *config.Config, b backends, owns func(types.UID) bool) error {
	kinds := []served{{
		api: kind.ExternalSecrets(c.Policy.Defaults, c.InstanceID), drivers: b.drivers,
		timeout: c.BackendTimeout, interval: c.RefreshInterval, metrics: metrics.NewObjects(),
	}}
	if b.definitions != nil {
		definitions, err := b.definitions.serve(ctx, mgr, c)
		if err != nil {
			return err
		}
		kinds = append(kinds, definitions)
	}
	calls := backend.NewMetrics()
	problems := []error{controllermetrics.Registry.Register(calls)}
	var engines []*fetch.Engine
	for _, k := range kinds {
		engine, err := serve(mgr, c, k, calls, owns)
		engines, problems = append(engines, engine), append(problems, err)
	}
	var ready atomic.Bool
	return errors.Join(append(problems,
		controllermetrics.Registry.Register(fetch.NewMetrics(engines...)),
		mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
			ready.Store(mgr.GetCache().WaitForCacheSync(ctx))
			<-ctx.Done()
			return nil
		})),
		mgr.AddReadyzCheck("caches", func(*http.Request) error {
			if !ready.Load() {
				return errors.New("the objects of the cluster have not been read yet")
			}
			return nil
		}),
	)...)
}
