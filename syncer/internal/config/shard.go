package config

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/secretgate/secretgate/shared/settings"
)

// Shard is how replicas find each other. All replicas of one installation have the same namespace.
type Shard struct {
	LeaseNamespace string // empty: the one of the client configuration
	ReplicaName    string // empty: made of the hostname
}

func (c *Config) bindShard(s *settings.Section) *settings.Section {
	s.String(&c.Shard.LeaseNamespace, "lease-namespace", "",
		"namespace of the Leases with which replicas share the work; empty: the pod's, or the kubeconfig context's", "POD_NAMESPACE")
	s.String(&c.Shard.ReplicaName, "replica-name", "",
		"name of this replica, a DNS label; empty: the hostname, with a random suffix outside of a pod")
	return s
}

func (s Shard) check() error {
	if s.ReplicaName == "" {
		return nil
	}
	for _, problem := range validation.IsDNS1123Label(s.ReplicaName) {
		return fmt.Errorf("--replica-name is %q: %s", s.ReplicaName, problem)
	}
	return nil
}
