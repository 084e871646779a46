package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/webhook/cli/cluster"
	"github.com/secretgate/secretgate/webhook/cli/explain"
	"github.com/secretgate/secretgate/webhook/cli/health"
	"github.com/secretgate/secretgate/webhook/cli/installed"
	"github.com/secretgate/secretgate/webhook/cli/shape"
	"github.com/secretgate/secretgate/webhook/cli/show"
)

func (p Program) status() *cobra.Command {
	l := p.live()
	configuration := ""
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how the installation is: services, webhooks, shards, breakers, and objects by reason",
		Long: "Show the Deployments of webhook and syncer, the webhook configurations, how replicas of the syncer share the work, what the\n" +
			"pods say by their metrics (through the API server), and the objects of each namespace by the reason of condition Ready.\n" +
			"What you may not read is named, and the rest is shown.",
		Example: p.examples("status", "status -o json"),
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := l.finish(); err != nil {
				return err
			}
			if err := l.connect(); err != nil {
				return err
			}
			answer := l.inspect(cmd.Context(), configuration)
			if err := cmd.Context().Err(); err != nil {
				return failed(cmd.Context(), err)
			}
			return l.write(answer, show.Status(answer))
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	l.bind(cmd, func(flags *pflag.FlagSet) {
		flags.StringVar(&configuration, "webhook-configuration", "secretgate-webhook", "name of both webhook configurations")
	})
	return cmd
}

// inspect reads all that the user may, and notes what could not be read.
func (l *live) inspect(ctx context.Context, configuration string) shape.Installation {
	answer := shape.Installation{
		Namespace: l.installation, Services: []shape.Service{}, Webhooks: []shape.Webhook{}, Replicas: []shape.Replica{},
		Objects: []shape.ObjectsCount{},
	}
	note := func(what string, err error) {
		if err != nil {
			answer.Notes = append(answer.Notes, shape.Note(what+": "+err.Error()))
		}
	}
	unknown := func(what string, err error) {
		if err != nil {
			note(what+" are not known", err)
			answer.Unknown = append(answer.Unknown, what)
		}
	}
	deployments, err := l.cluster.Deployments(ctx, l.installation)
	unknown("services", err)
	for _, one := range services {
		deployment, container := installed.Deployed(deployments, one.name)
		if deployment == nil {
			if err == nil {
				note("the service "+one.name, fmt.Errorf("namespace %s has no Deployment of it (--secretgate-namespace names another)", l.installation))
			}
			continue
		}
		service := shape.Service{Name: one.name, Ready: deployment.Status.ReadyReplicas, Wanted: 1, Image: container.Image}
		if deployment.Spec.Replicas != nil {
			service.Wanted = *deployment.Spec.Replicas
		}
		var measureErr error
		service.Instances, measureErr = l.measure(ctx, deployment.Spec.Selector, container)
		note("the metrics of the "+one.name, measureErr)
		answer.Services = append(answer.Services, service)
	}
	webhooks, err := l.cluster.Webhooks(ctx, configuration)
	unknown("webhooks", err)
	answer.Webhooks = append(answer.Webhooks, webhooks...)
	leases, err := l.cluster.Leases(ctx, l.installation)
	unknown("replicas", err)
	answer.Replicas = append(answer.Replicas, health.Replicas(leases, cluster.Ring, l.program.Now())...)
	leftOut, none := l.count(ctx, &answer)
	if answer.Notes = append(answer.Notes, leftOut...); none {
		answer.Unknown = append(answer.Unknown, "objects")
	}
	return answer
}

// count counts the objects that the user may list; none: there are none, and others may have been left out.
func (l *live) count(ctx context.Context, answer *shape.Installation) (notes []shape.Note, none bool) {
	for _, k := range l.allKinds() {
		all, leftOut, err := l.objects(ctx, k)
		if err != nil {
			continue // the cluster does not know the kind
		}
		if leftOut != "" {
			notes = append(notes, shape.Note(leftOut))
		}
		objects := make([]dialect.Object, 0, len(all))
		for _, one := range all {
			objects = append(objects, one.object)
		}
		answer.Objects = append(answer.Objects, explain.Count(k, objects)...)
	}
	return notes, len(notes) > 0 && len(answer.Objects) == 0
}

// measureTimeout is how long a pod may take to show its metrics.
const measureTimeout = 10 * time.Second

// measure reads the metrics of a service's pods. The error is the first of those that could not be read.
func (l *live) measure(ctx context.Context, selector *metav1.LabelSelector, c *corev1.Container) ([]shape.Instance, error) {
	pods, err := l.cluster.Pods(ctx, l.installation, metav1.FormatLabelSelector(selector))
	if err != nil {
		return nil, err
	}
	port := ""
	for _, p := range c.Ports {
		if p.Name == "metrics" {
			port = fmt.Sprint(p.ContainerPort)
		}
	}
	if port == "" {
		return nil, errors.New("its container has no port called metrics")
	}
	var all []shape.Instance
	var first error
	for i := range pods {
		one := shape.Instance{Pod: pods[i].Name}
		if pods[i].Status.Phase == corev1.PodRunning { // others have none yet, or none any more
			if err := l.scrape(ctx, &one, port); err != nil && first == nil {
				first = err
			}
		}
		all = append(all, one)
	}
	return all, first
}

func (l *live) scrape(ctx context.Context, one *shape.Instance, port string) error {
	ctx, cancel := context.WithTimeout(ctx, measureTimeout)
	defer cancel()
	body, err := l.cluster.Metrics(ctx, l.installation, one.Pod, port)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	return health.Measure(one, body)
}
