// Package sealed is what the syncer has of Sealed Secrets' dialect: the keys by which SealedSecrets are opened, the answers that kubeseal
// expects, and the metrics of the original controller.
package sealed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	shared "github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/sealed"
	"github.com/secretgate/secretgate/shared/fair"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/opening"
	"github.com/secretgate/secretgate/shared/peer"
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/internal/dialect"
	"github.com/secretgate/secretgate/syncer/internal/dialect/sealed/api"
	"github.com/secretgate/secretgate/syncer/internal/dialect/sealed/keys"
)

// Name of the dialect.
const Name = sealed.Name

// Extension is the syncer's configuration for SealedSecrets.
type Extension struct {
	namespace, prefix, order, cutoff, address string
	verifyAddress                             string
	period, ttl                               time.Duration
	bits                                      int

	kind     shared.Kind
	serve    bool
	schedule keys.Schedule
	ring     *keys.Ring
	counts   *api.Metrics
}

// Bind implements dialect.Extension.
func (e *Extension) Bind(s *settings.Section) {
	s.String(&e.namespace, "sealed-key-namespace", "",
		"namespace of the Secrets with the sealing keys; empty: the syncer's own", "SEALED_KEY_NAMESPACE")
	s.Duration(&e.period, "sealed-key-renew-period", 30*24*time.Hour, time.Second,
		"how old the newest sealing key becomes before the next one is made; 0: none is, unless there is a cutoff time",
		"SEALED_KEY_RENEW_PERIOD")
	s.String(&e.cutoff, "sealed-key-cutoff-time", "",
		"a time, as in 2006-01-02T15:04:05Z or Mon, 02 Jan 2006 15:04:05 -0700: a sealing key is made where the newest one is older",
		"SEALED_KEY_CUTOFF_TIME")
	s.Int(&e.bits, "sealed-key-size", 4096, "bits of the sealing keys that are made: 2048, 3072, 4096 or 8192", "SEALED_KEY_SIZE")
	s.Duration(&e.ttl, "sealed-key-ttl", 10*365*24*time.Hour, time.Second,
		"how long their certificates are valid: kubeseal seals by no certificate that has expired", "SEALED_KEY_TTL")
	s.String(&e.prefix, "sealed-key-prefix", "sealed-secrets-key",
		"what the names of their Secrets begin with; a Secret that is called so is a sealing key even without the label", "SEALED_KEY_PREFIX")
	s.String(&e.order, "sealed-key-order-priority", string(keys.ByNotBefore),
		"what makes a sealing key the newest, by which values are sealed: CertNotBefore or SecretCreationTimestamp", "SEALED_KEY_ORDER_PRIORITY")
	s.String(&e.address, "sealed-bind-address", ":8080", "address at which kubeseal is answered; 0 turns that off", "SEALED_BIND_ADDRESS")
	s.String(&e.verifyAddress, "sealed-verify-bind-address", "0",
		"address at which the webhook is answered, and no other client, whether SealedSecrets can be opened; 0 turns that off",
		"SEALED_VERIFY_BIND_ADDRESS")
}

// Finish implements dialect.Extension.
func (e *Extension) Finish(installation shared.Installation, _ dialect.Common) error {
	installed, ok := installation.(*sealed.Installation)
	if !ok {
		return fmt.Errorf("%T is none of %s", installation, Name)
	}
	e.kind, e.serve = installed.Kinds()[0], installed.Serve
	cutoff, err := parseTime(e.cutoff)
	problems := []error{err, settings.CheckAddress("sealed-bind-address", e.address),
		settings.CheckAddress("sealed-verify-bind-address", e.verifyAddress)}
	if !slices.Contains([]int{2048, 3072, 4096, 8192}, e.bits) {
		problems = append(problems, fmt.Errorf("--sealed-key-size is %d: must be 2048, 3072, 4096 or 8192", e.bits))
	}
	if !slices.Contains(keys.Orders(), keys.Order(e.order)) {
		problems = append(problems, fmt.Errorf("--sealed-key-order-priority is %q: must be of %q", e.order, keys.Orders()))
	}
	const least = time.Hour
	if e.period < 0 || e.period > 0 && e.period < least {
		problems = append(problems,
			fmt.Errorf("--sealed-key-renew-period is %s: must be 0, or at least %s: keys are kept for ever", e.period, least))
	}
	if e.ttl < least {
		problems = append(problems, fmt.Errorf("--sealed-key-ttl is %s: must be at least %s", e.ttl, least))
	}
	for flag, name := range map[string]string{"sealed-key-namespace": e.namespace, "sealed-key-prefix": e.prefix} {
		if wrong := validation.IsDNS1123Label(name); len(wrong) > 0 && (name != "" || flag == "sealed-key-prefix") {
			problems = append(problems, fmt.Errorf("--%s is %q: %s", flag, name, wrong[0]))
		}
	}
	e.schedule = keys.Schedule{Period: e.period, Cutoff: cutoff}
	e.ring = &keys.Ring{Prefix: e.prefix, Order: keys.Order(e.order), Turns: fair.Turns{Width: runtime.GOMAXPROCS(0)}}
	e.counts = api.NewMetrics()
	return errors.Join(problems...)
}

// parseTime reads a time as users of Kubernetes write it, or as Sealed Secrets has it.
func parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, format := range []string{time.RFC3339, time.RFC1123Z} {
		if parsed, err := time.Parse(format, text); err == nil {
			return parsed, nil
		}
	}
	return time.Time{}, fmt.Errorf(
		"--sealed-key-cutoff-time is %q: must be a time such as 2006-01-02T15:04:05Z or Mon, 02 Jan 2006 15:04:05 -0700", text)
}

// Sync implements dialect.Extension.
func (e *Extension) Sync(shared.Kind) dialect.Sync {
	return dialect.Sync{View: &view{}, Opener: e.ring}
}

// Metrics implements dialect.Extension.
func (e *Extension) Metrics(*backend.Metrics) []prometheus.Collector {
	if !e.serve {
		return nil
	}
	return []prometheus.Collector{e.counts, keys.NewMetrics(e.ring)}
}

// Start implements dialect.Extension: it watches the keys, makes new ones, and answers kubeseal.
func (e *Extension) Start(mgr manager.Manager, running dialect.Running) error {
	if !e.serve {
		return nil
	}
	core, err := typedcore.NewForConfig(mgr.GetConfig())
	if err != nil {
		return err
	}
	ring, recorder := e.ring, mgr.GetEventRecorder(names.Reporter)
	ring.Namespace = cmp.Or(e.namespace, running.Namespace)
	ring.Came = func() { running.Retry(e.kind.Type().GroupKind()) }
	ring.Malformed = func(secret *corev1.Secret, problem string) {
		running.Log.Warn("A Secret is no sealing key", "namespace", secret.Namespace, "secret", secret.Name, "problem", problem)
		if running.Owns(secret.UID) { // one replica is enough
			recorder.Eventf(secret, nil, corev1.EventTypeWarning, "MalformedSealingKey", "Read", "%s", problem)
		}
	}
	secrets := core.Secrets(ring.Namespace)
	problems := []error{mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		ring.Watch(ctx, secrets)
		return nil
	}))}
	if !e.schedule.Off() {
		renewer := &keys.Renewer{
			Ring: ring, Secrets: secrets, Schedule: e.schedule, Bits: e.bits, TTL: e.ttl, Owns: running.Owns, Log: running.Log,
		}
		problems = append(problems, mgr.Add(manager.RunnableFunc(renewer.Run)))
	}
	return errors.Join(append(problems, e.answer(mgr, core, running)...)...)
}

// answer answers kubeseal and the webhook.
func (e *Extension) answer(mgr manager.Manager, core typedcore.CoreV1Interface, running dialect.Running) (problems []error) {
	if e.address != "" && e.address != "0" {
		problems = append(problems, mgr.Add(&api.Server{
			Address: e.address, Metrics: e.counts, API: &api.API{Keys: e.ring, Kind: e.kind, Log: running.Log},
		}))
	}
	if e.verifyAddress == "" || e.verifyAddress == "0" {
		return problems
	}
	end := &peer.Peer{
		ConfigMaps: core.ConfigMaps(running.Namespace), Own: opening.ConfigMapSyncer, Other: opening.ConfigMapWebhook,
	}
	return append(problems,
		mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
			end.Run(ctx, func(err error) {
				if err != nil {
					running.Log.Warn("The webhook may not be answered whether SealedSecrets can be opened", "error", err)
					return
				}
				running.Log.Info("The webhook is answered whether SealedSecrets can be opened")
			})
			return nil
		})),
		mgr.Add(&api.OpenerServer{
			Address: e.verifyAddress, Peer: end, Opener: &api.Opener{Keys: e.ring, Log: running.Log},
		}))
}
