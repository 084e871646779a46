package membership

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// RingName names the replicas that share work: those of which everything is the same that decides which objects they see and
// serve. Others would leave each other's unserved.
func RingName(parts []string) string {
	parts = slices.Compact(slices.Sorted(slices.Values(parts)))
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	return hex.EncodeToString(sum[:5])
}

// ReplicaName is the name to use where none is set. A pod's hostname is its own, and the same after
// its container is restarted, which then goes on with its Lease. Elsewhere several processes may share a
// host, so a random suffix keeps them apart.
func ReplicaName(hostname string, inPod bool) string {
	name := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(hostname), "-")
	if !inPod {
		name = name[:min(len(name), 40)] + "-" + strings.ToLower(rand.Text()[:6])
	}
	return strings.Trim(name[:min(len(name), 63)], "-")
}

// leaseName is the name of a replica's Lease, by which the members of its ring know it.
func leaseName(ring, replica string) string { return "secretgate-syncer-" + ring + "-" + replica }
