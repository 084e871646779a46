package app

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"

	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"

	"github.com/secretgate/secretgate/syncer/internal/config"
	"github.com/secretgate/secretgate/syncer/internal/shard"
	"github.com/secretgate/secretgate/syncer/internal/shard/membership"
)

// newMembership prepares to share the work with other replicas. It sets what this one owns. namespace is the client configuration's.
func newMembership(
	cluster *rest.Config, namespace string, c *config.Config, shares *shard.Shares, log *slog.Logger,
) (*membership.Membership, error) {
	hostname, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("the hostname is not known; set --replica-name: %w", err)
	}
	client, err := coordination.NewForConfig(cluster)
	if err != nil {
		return nil, err
	}
	_, inPod := os.LookupEnv("KUBERNETES_SERVICE_HOST")
	namespace = cmp.Or(c.Shard.LeaseNamespace, namespace)
	return &membership.Membership{
		Leases:    client.Leases(namespace),
		Namespace: namespace,
		Ring:      membership.RingName(append(c.Dialects.Ring(), c.WatchedNamespaces...)),
		Replica:   cmp.Or(c.Shard.ReplicaName, membership.ReplicaName(hostname, inPod)),
		Own:       shares.Set,
		Log:       log,
		Metrics:   membership.NewMetrics(),
	}, nil
}
