package config

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/syncer/internal/restart/decision"
)

// Restart is the configuration of restarts. It has no setting of a backend: what restarts workloads holds no credential.
type Restart struct {
	Kubeconfig             string
	WatchedNamespaces      []string // empty: all
	LeaseNamespace         string   // empty: the one of the client configuration
	Dialects               dialect.Choice
	Limits                 decision.Limits
	Budget                 decision.Budget
	Reloader               bool
	MetricsBindAddress     string
	HealthProbeBindAddress string
	Pprof                  settings.Pprof
	Handler                slog.Handler

	log               settings.Log
	watchedNamespaces string
}

// Bind names the settings, in the groups that --help shows. lookup finds environment variables.
func (c *Restart) Bind(lookup func(string) (string, bool)) []*settings.Section {
	s := settings.NewSection("restarts", lookup)
	s.String(&c.Kubeconfig, "kubeconfig", "", "file that says how to reach the cluster; in a pod the service account does")
	s.String(&c.watchedNamespaces, "watched-namespaces", "", "serve these namespaces only, comma-separated; empty: all", "WATCHED_NAMESPACES")
	s.String(&c.LeaseNamespace, "lease-namespace", "",
		"namespace of the Lease by which replicas agree on the one that works; empty: the pod's, or the kubeconfig context's", "POD_NAMESPACE")
	s.Bool(&c.Reloader, "honour-reloader-annotations", false,
		"act on the annotations of Stakater Reloader, too, for Secrets of Secretgate and for ConfigMaps; do not run Reloader beside it",
		"HONOUR_RELOADER_ANNOTATIONS")
	c.Dialects.Bind(s, lookup) // the dialects' own settings do not matter here: what their objects' status says is all that is read
	limits := settings.NewSection("limits", lookup)
	limits.Duration(&c.Limits.Quiet, "restart-quiet-period", 10*time.Second, time.Second,
		"how long nothing that a workload reads may have changed before it is restarted")
	limits.Duration(&c.Limits.MaxWait, "restart-max-wait", 2*time.Minute, time.Second,
		"how long further changes are waited for at most")
	limits.Duration(&c.Limits.MinInterval, "restart-min-interval", 5*time.Minute, time.Second,
		"least time between two restarts of one workload")
	limits.Duration(&c.Limits.RolloutTimeout, "restart-rollout-timeout", 10*time.Minute, time.Second,
		"how long a rollout that is under way is waited for; one that has failed is not")
	limits.Int(&c.Budget.Namespace, "restarts-per-minute-and-namespace", 10,
		"workloads of one namespace that are restarted within a minute at most")
	limits.Int(&c.Budget.Cluster, "restarts-per-minute", 60, "workloads that are restarted within a minute at most")
	o := settings.NewSection("observation", lookup)
	o.String(&c.MetricsBindAddress, "metrics-bind-address", ":3001", "address of /metrics; 0 turns it off")
	o.String(&c.HealthProbeBindAddress, "health-probe-bind-address", ":8081", "address of /healthz and /readyz; 0 turns them off")
	c.Pprof.Bind(o)
	c.log.Bind(o)
	return []*settings.Section{s, limits, o}
}

// Finish checks the settings once flags are parsed. The error lists all that is wrong.
func (c *Restart) Finish(sections []*settings.Section) error {
	var problems []error
	for _, section := range sections {
		problems = append(problems, section.Err())
	}
	c.WatchedNamespaces = settings.List(c.watchedNamespaces)
	handler, err := c.log.Handler(os.Stderr)
	c.Handler = handler
	problems = append(problems, err, c.Dialects.Finish(settings.Policy{}), c.check(),
		settings.CheckFile("kubeconfig", c.Kubeconfig),
		settings.CheckAddress("metrics-bind-address", c.MetricsBindAddress),
		settings.CheckAddress("health-probe-bind-address", c.HealthProbeBindAddress),
		c.Pprof.Check(map[string]string{
			"metrics-bind-address": c.MetricsBindAddress, "health-probe-bind-address": c.HealthProbeBindAddress,
		}))
	c.MetricsBindAddress = cmp.Or(c.MetricsBindAddress, "0")
	return errors.Join(problems...)
}

func (c *Restart) check() error {
	var problems []error
	for _, one := range []struct {
		flag  string
		value time.Duration
	}{
		{"restart-quiet-period", c.Limits.Quiet}, {"restart-max-wait", c.Limits.MaxWait}, {"restart-min-interval", c.Limits.MinInterval},
		{"restart-rollout-timeout", c.Limits.RolloutTimeout},
	} {
		if one.value < 0 {
			problems = append(problems, fmt.Errorf("--%s is %s: must not be negative", one.flag, one.value))
		}
	}
	for _, one := range []struct {
		flag  string
		value int
	}{{"restarts-per-minute-and-namespace", c.Budget.Namespace}, {"restarts-per-minute", c.Budget.Cluster}} {
		if one.value < 1 {
			problems = append(problems, fmt.Errorf("--%s is %d: must be at least 1; to restart nothing, do not run this", one.flag, one.value))
		}
	}
	return errors.Join(problems...)
}
