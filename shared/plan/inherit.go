package plan

import (
	"slices"
	"strings"

	"github.com/secretgate/secretgate/shared/names"
)

// trackers end the prefixes of keys by which GitOps tools (Argo CD, Flux, Helm, kapp, Fleet, Config Sync) know
// what they manage. On a Secret they would claim what no manifest holds, and a tool might prune it.
var trackers = []string{
	"argoproj.io", "fluxcd.io", "helm.sh", "k14s.io", "cattle.io", "configsync.gke.io", "configmanagement.gke.io", "config.k8s.io",
}

// Inherited are those labels or annotations of an object that a Secret can have, too: all but what says something about the object
// itself. The keys of except do, beside those that are known.
func Inherited(all map[string]string, except ...string) map[string]string {
	kept := make(map[string]string, len(all)+1)
	for key, value := range all {
		if !ownBusiness(key) && !slices.Contains(except, key) {
			kept[key] = value
		}
	}
	return kept
}

func ownBusiness(key string) bool {
	switch key {
	case "kubectl.kubernetes.io/last-applied-configuration", "app.kubernetes.io/instance": // the latter is Argo CD's by default
		return true
	}
	prefix, _, _ := strings.Cut(key, "/")
	return strings.HasPrefix(key, names.ReservedPrefix) || slices.ContainsFunc(trackers, func(tracker string) bool {
		return strings.HasSuffix(prefix, tracker)
	})
}
