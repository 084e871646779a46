package workload

import (
	"slices"
	"strings"
	"time"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/revision"
)

// Rules are what a workload says of its restarts.
type Rules struct {
	Never bool // whatever else it, or an object, asks for
	// Ours is the annotation of Secretgate.
	Ours struct {
		Any, AtStart bool     // what its pods read; what they read when they start alone
		Names        []string // of Secrets
	}
	Reloader Reloader
}

// Offer is what is known of a Source beside its revision.
type Offer struct {
	Never bool // it restarts nothing
	// Match and Ignore are annotations of Reloader.
	Match, Ignore bool
	Targets       []Key // workloads that its object names
}

// rules reads the annotations of a workload, and of its pod template.
func (o Options) rules(annotations, template map[string]string) Rules {
	var r Rules
	switch value := strings.TrimSpace(annotations[names.AnnotationRestart]); value {
	case "":
	case "false":
		r.Never = true
	case "true":
		r.Ours.Any = true
	case "env":
		r.Ours.AtStart = true
	default:
		r.Ours.Names = list(value)
	}
	if o.Reloader {
		r.Reloader = reloader(annotations, template)
	}
	return r
}

func list(text string) []string {
	var all []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			all = append(all, item)
		}
	}
	return all
}

// Follows reports whether a change of a Source restarts the workload.
func (w *Workload) Follows(source revision.Source, offer Offer) bool {
	if w.Rules.Never || offer.Never {
		return false
	}
	return w.Rules.ours(source, w.Uses) || slices.Contains(offer.Targets, w.Key) || w.Rules.Reloader.follows(source, w.Uses, offer)
}

// ours reports whether Secretgate's own annotation names a Source. It is for Secrets: ConfigMaps are not Secretgate's.
func (r Rules) ours(source revision.Source, uses Uses) bool {
	atStart, used := uses[source]
	return source.Kind == revision.Secret &&
		(r.Ours.Any && used || r.Ours.AtStart && used && atStart || slices.Contains(r.Ours.Names, source.Name))
}

// mayFollow reports whether the workload may follow a Source of which nothing else is known: what it reads, or names.
func (r Rules) mayFollow(source revision.Source, uses Uses) bool {
	_, used := uses[source]
	return used || r.ours(source, uses) || r.Reloader.names(source)
}

// Asks reports whether the workload asks for restarts itself.
func (r Rules) Asks() bool {
	return !r.Never && (r.Ours.Any || r.Ours.AtStart || len(r.Ours.Names) > 0 || r.Reloader.asks())
}

// rollsOut reports whether a Rollout asks for its strategy rather than for a restart, as those that Reloader alone restarts do.
func (r Rules) rollsOut() bool {
	return !r.Ours.Any && !r.Ours.AtStart && len(r.Ours.Names) == 0 && r.Reloader.asks() && !r.Reloader.restarts
}

// Interval is the least time between two restarts that the workload asks for.
func (r Rules) Interval() time.Duration { return r.Reloader.pause }
