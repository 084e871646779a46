package node

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// The addresses of a cluster. Its network is a namespace without a way out, so they cannot meet another network's.
const (
	// Address is the first node's, and where pods find what runs beside the cluster: the API server, Vault, the clouds.
	Address = "172.30.0.1"

	serviceRange = "10.96.0.0/16"
	serviceIP    = "10.96.0.1" // of the API server
	podRange     = "10.244.0.0/16"
)

// nodeAddress and podSubnet are those of the nth node, from 1.
func nodeAddress(n int) string { return fmt.Sprintf("172.30.0.%d", n) }
func podSubnet(n int) string   { return fmt.Sprintf("10.244.%d.0/24", n) }

// isolateNetwork sets up the one network that all nodes share: each is an address on it, with a bridge for its pods.
func isolateNetwork(ctx context.Context, nodes int) error {
	commands := [][]string{
		{"ip", "link", "set", "lo", "up"},
		{"ip", "link", "add", "nodes", "type", "veth", "peer", "name", "nowhere"},
		{"ip", "link", "set", "nodes", "up"},
	}
	for n := range nodes {
		commands = append(commands, []string{"ip", "address", "add", nodeAddress(n+1) + "/24", "dev", "nodes"})
	}
	// Nothing answers there. But a Service's address needs a route before it is translated.
	commands = append(commands, []string{"ip", "route", "add", "default", "via", "172.30.0.254", "dev", "nodes"})
	for _, command := range commands {
		if said, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, said)
		}
	}
	settings := map[string]string{
		"/proc/sys/net/ipv4/ip_forward": "1",
		// A pod's call to a Service whose pod is on the same bridge must come back the way that it went.
		"/proc/sys/net/bridge/bridge-nf-call-iptables": "1",
	}
	for file, value := range settings {
		if err := os.WriteFile(file, []byte(value), 0o644); err != nil {
			return fmt.Errorf("the kernel cannot be told to route for pods: %w", err)
		}
	}
	return nil
}
