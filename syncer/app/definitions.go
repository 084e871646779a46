package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	controllermetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/secretgate/secretgate/shared/api/secretsmanager/v1alpha1"
	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/config"
	"github.com/secretgate/secretgate/syncer/internal/keeper"
	"github.com/secretgate/secretgate/syncer/internal/kind"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
)

// definitions is the one backend of SecretDefinitions.
type definitions struct {
	drivers map[apiv1.Backend]driver.Driver
	keeper  *keeper.Keeper // nil where the backend is not Vault
}

// definitionsOf makes it; nil where SecretDefinitions are not served. It calls nobody.
func definitionsOf(c *config.Config) (*definitions, error) {
	d := c.Definitions
	switch {
	case !d.Enabled:
		return nil, nil //nolint:nilnil // nothing is what was asked for
	case d.Where.Scope.Backend == apiv1.BackendAzureKeyVault:
		azure, err := azurekeyvault.New(d.Azure)
		return &definitions{drivers: map[apiv1.Backend]driver.Driver{apiv1.BackendAzureKeyVault: azure}}, err
	}
	address, err := url.Parse(d.Vault.Address)
	if err != nil {
		return nil, errors.New("--vault.url is no URL") // not its text, which may hold a password
	}
	tokens := metrics.NewVault(address.Redacted(), fmt.Sprintf("kv%d", d.Where.KVVersion), d.Vault.RenewThreshold)
	var vault *hashivault.Driver
	d.Vault.Failed = func(operation string, err error) { tokens.Failed(operation, vault.Classify(err).String()) }
	vault, err = hashivault.New(d.Vault)
	return &definitions{
		drivers: map[apiv1.Backend]driver.Driver{apiv1.BackendVault: vault},
		keeper: &keeper.Keeper{
			Vault: vault, Identity: d.Where.Scope.Identity, Period: d.TokenPolling, Timeout: d.BackendTimeout,
			Metrics: tokens, Log: slog.New(c.Handler),
		},
	}, err
}

// serve describes SecretDefinitions, and has their Vault token looked after.
func (d *definitions) serve(ctx context.Context, mgr manager.Manager, c *config.Config) (served, error) {
	served := served{
		api: (&kind.Definitions{
			Where: c.Definitions.Where, Controller: c.Definitions.Controller,
			Watched: c.Definitions.Watched, Excluded: c.Definitions.Excluded,
			Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Writer: &apply.Writer{Client: mgr.GetClient()},
		}).API(),
		drivers: d.drivers, timeout: c.Definitions.BackendTimeout, interval: c.Definitions.RefreshInterval,
		metrics: metrics.NewDefinitions(),
	}
	_, err := mgr.GetRESTMapper().RESTMapping(v1alpha1.GroupVersion.WithKind(v1alpha1.Kind).GroupKind(), v1alpha1.GroupVersion.Version)
	if meta.IsNoMatchError(err) {
		err = errors.New("the cluster knows no SecretDefinitions: apply crds/secrets-manager.tuenti.io_secretdefinitions.yaml, " +
			"or leave --secret-definitions out")
	}
	if err != nil {
		return served, err
	}
	if d.keeper != nil {
		err = errors.Join(controllermetrics.Registry.Register(d.keeper.Metrics), mgr.Add(manager.RunnableFunc(d.keeper.Run)))
	}
	return served, errors.Join(err, mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.SecretDefinition{}, kind.SecretName, kind.IndexSecretName))
}
