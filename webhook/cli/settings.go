package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/webhook/cli/cluster"
	"github.com/secretgate/secretgate/webhook/cli/installed"
	"github.com/secretgate/secretgate/webhook/cli/shape"
)

// installation is how the cluster has Secretgate, as far as the user may know it.
type installation struct {
	installed.Settings // the syncer's, by which values are read

	known bool // its settings were read, and are not assumed
	said  []shape.Settings
	notes []shape.Note
}

// services are those whose settings count, the syncer's first.
var services = []struct {
	name    string
	service dialect.Service
}{{"syncer", dialect.Syncer}, {"webhook", dialect.Webhook}}

// readSettings reads the settings of both services. What cannot be read is assumed, and said. given are those of the user, which win.
func (l *live) readSettings(ctx context.Context, given map[string]string) (*installation, error) {
	deployments, deploymentsErr := l.cluster.Deployments(ctx, l.installation)
	i := &installation{}
	var settings []installed.Settings
	for _, one := range services {
		told, said := l.told(ctx, one.name, one.service, deployments, deploymentsErr)
		read, err := installed.Read(l.program.Dialects, told, given)
		if err != nil {
			return nil, fmt.Errorf("the settings of the %s in namespace %s cannot be understood: %w", one.name, l.installation, err)
		}
		settings, i.said = append(settings, read), append(i.said, said)
	}
	i.Settings, i.known = settings[0], i.said[0].Known
	if differ := settings[0].Differences(settings[1]); len(differ) > 0 && i.said[0].Known && i.said[1].Known {
		i.notes = append(i.notes, shape.Note(fmt.Sprintf("webhook and syncer disagree on %s: what one of them denies is denied; "+
			"give both the same in ConfigMap %s, and restart both", strings.Join(differ, ", "), installed.PolicyMap)))
	}
	return i, nil
}

// told is what a service is told, and how much of that was read.
func (l *live) told(ctx context.Context, name string, service dialect.Service, deployments []appsv1.Deployment, why error) (
	installed.Service, shape.Settings,
) {
	said := shape.Settings{Service: name}
	deployment, container := installed.Deployed(deployments, name)
	if deployment == nil {
		if why == nil {
			why = fmt.Errorf("namespace %s has no Deployment of it (--secretgate-namespace names another)", l.installation)
		}
		data, err := l.cluster.ConfigMap(ctx, l.installation, installed.PolicyMap)
		if err != nil {
			said.Assumed = "documented defaults, since " + why.Error()
			return installed.Service{Service: service}, said
		}
		said.From = []string{"ConfigMap " + installed.PolicyMap}
		said.Assumed = "ConfigMap " + installed.PolicyMap + ", and documented defaults for the rest, since " + why.Error()
		return installed.ByMap(service, data), said
	}
	said.Known, said.From = true, []string{"Deployment " + deployment.Name}
	maps := map[string]map[string]string{}
	for _, one := range installed.Maps(container) {
		data, err := l.cluster.ConfigMap(ctx, l.installation, one)
		switch {
		case errors.Is(err, cluster.ErrNotFound): // an optional one
		case err != nil:
			said.Known, said.Assumed = false, "that ConfigMap "+one+" sets nothing, since "+err.Error()
		default:
			maps[one] = data
			said.From = append(said.From, "ConfigMap "+one)
		}
	}
	return installed.Told(service, container, maps), said
}
