package workload

import (
	"regexp"
	"slices"
	"time"

	"github.com/secretgate/secretgate/shared/revision"
)

// The annotations of Stakater Reloader, as its documentation has them.
const (
	reloaderDomain = "reloader.stakater.com/"

	// ReloaderMatch and ReloaderIgnore are of Secrets and ConfigMaps, the others of workloads.
	ReloaderMatch  = reloaderDomain + "match"
	ReloaderIgnore = reloaderDomain + "ignore"

	reloaderAuto     = reloaderDomain + "auto"
	reloaderSearch   = reloaderDomain + "search"
	reloaderStrategy = reloaderDomain + "rollout-strategy"
	reloaderPause    = "deployment." + reloaderDomain + "pause-period"
)

// maxPause bounds what a workload may ask for as the least time between its restarts.
const maxPause = 24 * time.Hour

// typed are the annotations of one kind of Sources.
type typed struct{ auto, named, exclude string }

var byKind = map[revision.Kind]typed{
	revision.Secret: {
		"secret." + reloaderDomain + "auto", "secret." + reloaderDomain + "reload", "secrets.exclude." + reloaderDomain + "reload",
	},
	revision.ConfigMap: {
		"configmap." + reloaderDomain + "auto", "configmap." + reloaderDomain + "reload", "configmaps.exclude." + reloaderDomain + "reload",
	},
}

// Reloader is what a workload says by Reloader's annotations.
type Reloader struct {
	auto     map[revision.Kind]bool
	named    map[revision.Kind][]*regexp.Regexp
	excluded map[revision.Kind][]string
	search   bool
	restarts bool // a Rollout: by spec.restartAt
	pause    time.Duration
}

// reloader reads the annotations of a workload. Those of its pod template count where it has none that asks for restarts itself.
func reloader(annotations, template map[string]string) Reloader {
	r := asked(annotations)
	if !r.asks() {
		r = asked(template)
	}
	r.excluded = map[revision.Kind][]string{}
	for kind, key := range byKind {
		r.excluded[kind] = list(annotations[key.exclude])
	}
	r.restarts = annotations[reloaderStrategy] == "restart"
	if pause, err := time.ParseDuration(annotations[reloaderPause]); err == nil && pause > 0 {
		r.pause = min(pause, maxPause)
	}
	return r
}

// asked is what annotations ask for.
func asked(annotations map[string]string) Reloader {
	r := Reloader{
		auto: map[revision.Kind]bool{}, named: map[revision.Kind][]*regexp.Regexp{},
		search: annotations[reloaderSearch] == "true",
	}
	for kind, key := range byKind {
		r.auto[kind] = annotations[reloaderAuto] == "true" || annotations[key.auto] == "true"
		for _, pattern := range list(annotations[key.named]) {
			if compiled, err := regexp.Compile("^(?:" + pattern + ")$"); err == nil { // else it names nothing, as with Reloader
				r.named[kind] = append(r.named[kind], compiled)
			}
		}
	}
	return r
}

func (r Reloader) asks() bool {
	for kind := range byKind {
		if r.auto[kind] || len(r.named[kind]) > 0 {
			return true
		}
	}
	return r.search
}

// names reports whether a pattern names a Source.
func (r Reloader) names(source revision.Source) bool {
	return slices.ContainsFunc(r.named[source.Kind], func(pattern *regexp.Regexp) bool { return pattern.MatchString(source.Name) })
}

// follows is in Reloader's order: what is ignored, excluded, named, searched for, and automatic.
func (r Reloader) follows(source revision.Source, uses Uses, offer Offer) bool {
	_, used := uses[source]
	switch {
	case offer.Ignore, slices.Contains(r.excluded[source.Kind], source.Name):
		return false
	case r.names(source):
		return true
	}
	return used && (r.search && offer.Match || r.auto[source.Kind])
}
