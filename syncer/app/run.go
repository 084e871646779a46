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
	"k8s.io/client-go/discovery"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	controllermetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/build"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/alicloudkms"
	"github.com/secretgate/secretgate/syncer/backend/awsparameterstore"
	"github.com/secretgate/secretgate/syncer/backend/awssecretsmanager"
	"github.com/secretgate/secretgate/syncer/backend/awssession"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault"
	"github.com/secretgate/secretgate/syncer/backend/credential"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/gcpsecretmanager"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
	"github.com/secretgate/secretgate/syncer/internal/config"
	extension "github.com/secretgate/secretgate/syncer/internal/dialect"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
	"github.com/secretgate/secretgate/syncer/internal/shard"
)

// gracePeriod lets the objects that are being synced come to an end.
const gracePeriod = 20 * time.Second

// garbage is how much of it may come upon what lives, in percent, before it is collected: half of
// Go's default. The syncer mostly waits, so memory is what counts. GOGC sets another.
const garbage = 50

// backing is all that objects are read with.
type backing struct {
	drivers     map[plan.Backend]driver.Driver
	credentials *credentials
}

// credentials are those of the cluster, which is known only when the drivers have been made.
type credentials struct{ cluster *credential.Cluster }

func (c *credentials) get(ctx context.Context, of plan.Credential) (string, error) {
	return c.cluster.Get(ctx, of)
}

// newBacking makes every driver that objects may name. They make no calls until they are used.
func newBacking(c *config.Config) (*backing, error) {
	b := &backing{credentials: &credentials{}}
	c.Vault.Credentials = b.credentials.get
	c.AWS.Credentials, c.Alicloud.Credentials = b.credentials.get, b.credentials.get
	c.Azure.Credentials = b.credentials.get
	c.GCP.Credentials = b.credentials.get
	c.AWS.Log = slog.New(c.Handler)
	sessions, awsErr := awssession.New(c.AWS)
	secretsManager, smErr := awssecretsmanager.New(awssecretsmanager.Config{Sessions: sessions, Endpoint: c.SecretsManagerEndpoint})
	parameterStore, ssmErr := awsparameterstore.New(awsparameterstore.Config{Sessions: sessions, Endpoint: c.ParameterStoreEndpoint})
	vault, vaultErr := hashivault.New(c.Vault)
	azure, azureErr := azurekeyvault.New(c.Azure)
	google, googleErr := gcpsecretmanager.New(c.GCP)
	alicloud, alicloudErr := alicloudkms.New(c.Alicloud)
	b.drivers = map[plan.Backend]driver.Driver{
		backends.AWSSecretsManager: secretsManager,
		backends.AWSParameterStore: parameterStore,
		backends.Vault:             vault,
		backends.AzureKeyVault:     azure,
		backends.GCPSecretManager:  google,
		backends.AlicloudKMS:       alicloud,
	}
	return b, errors.Join(awsErr, smErr, ssmErr, vaultErr, azureErr, googleErr, alicloudErr)
}

// run syncs until ctx ends.
func run(ctx context.Context, c *config.Config, b *backing, version string) error {
	log := slog.New(c.Handler)
	ctrl.SetLogger(logr.FromSlogHandler(c.Handler))
	klog.SetLogger(logr.FromSlogHandler(c.Handler))
	redirectLibraries(log)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	log.Info("Secretgate's syncer starts", "version", version, "fips140", build.FIPS140(), "refreshInterval", c.RefreshInterval.String())
	if c.Pprof.Exposed() {
		log.Warn("Profiles are served on an address that other pods may reach: bind them to 127.0.0.1", "address", c.Pprof.Address)
	}

	cluster, namespace, err := restConfig(c.Kubeconfig)
	if err != nil {
		return err
	}
	if b.credentials.cluster, err = credential.New(cluster); err != nil {
		return err
	}
	informers := shard.Informers{Shares: &shard.Shares{}, Kinds: c.Dialects.Kinds(), Metrics: shard.NewMetrics()}
	membership, err := newMembership(cluster, namespace, c, informers.Shares, log)
	if err != nil {
		return err
	}
	mgr, err := newManager(cluster, c, informers)
	if err != nil {
		return err
	}
	if err := assemble(ctx, mgr, c, informers.Shares, extension.Running{
		Drivers: b.drivers, Log: log, Namespace: namespace, Owns: informers.Shares.Owns,
	}); err != nil {
		return err
	}
	if err := errors.Join(controllermetrics.Registry.Register(membership.Metrics), controllermetrics.Registry.Register(informers.Metrics),
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
func assemble(ctx context.Context, mgr manager.Manager, c *config.Config, shares *shard.Shares, running extension.Running) error {
	cluster, err := discovery.NewDiscoveryClientForConfig(mgr.GetConfig())
	if err != nil {
		return err
	}
	calls, objects := backend.NewMetrics(), &metrics.Objects{}
	s := newSyncer(mgr, c, running.Drivers, calls, shares)
	s.known = knows(cluster)
	var ready atomic.Bool
	return errors.Join(
		controllermetrics.Registry.Register(calls),
		s.serve(ctx, objects),
		controllermetrics.Registry.Register(objects),
		s.run(running),
		mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
			ready.Store(s.haveRead(ctx))
			<-ctx.Done()
			return nil
		})),
		mgr.AddReadyzCheck("caches", func(*http.Request) error {
			if !ready.Load() {
				return errors.New("the objects of the cluster have not been read yet")
			}
			return nil
		}),
	)
}
