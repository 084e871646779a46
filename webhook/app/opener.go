package app

import (
	"context"
	"log/slog"

	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/opening"
	"github.com/secretgate/secretgate/shared/peer"
	"github.com/secretgate/secretgate/webhook/internal/admit"
	"github.com/secretgate/secretgate/webhook/internal/config"
	"github.com/secretgate/secretgate/webhook/internal/opener"
)

// openerOf is what asks the syncer whether sealed values can be opened; nil: the installation has no address for that.
func openerOf(mgr manager.Manager, c *config.Config, log *slog.Logger) (admit.Opens, error) {
	address := ""
	for _, installation := range c.Dialects.Chosen() {
		if sealing, ok := installation.(dialect.Sealing); ok {
			address = sealing.Opener()
		}
	}
	if address == "" {
		return nil, nil
	}
	core, err := typedcore.NewForConfig(mgr.GetConfig())
	if err != nil {
		return nil, err
	}
	end := &peer.Peer{
		ConfigMaps: core.ConfigMaps(c.Namespace), Own: opening.ConfigMapWebhook, Other: opening.ConfigMapSyncer,
	}
	o := &opener.Opener{Address: address, Peer: end, Log: log}
	return o.Opens, mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		end.Run(ctx, func(err error) {
			if err != nil {
				log.WarnContext(ctx, "The syncer may not answer whether SealedSecrets can be opened", "error", err)
				return
			}
			log.InfoContext(ctx, "The webhook can prove to the syncer who it is")
		})
		return nil
	}))
}
