package admit

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/shared/text"
)

// notice is a warning to the user who annotates a namespace; the write is stored.
type notice struct {
	reason reason
	text   string
}

// The reasons of notices. Only badPattern denies a write.
const (
	badPattern     reason = "pattern"        // an annotation cannot be parsed
	blankPattern   reason = "empty"          // an empty annotation, which permits nothing, or everything
	doubtful       reason = "doubtful"       // a pattern that probably does not permit what its author meant
	notTrue        reason = "not_true"       // a switch that its value does not turn on
	unknownKey     reason = "unknown"        // an annotation that resembles one of ours, and has no effect
	forbidsStored  reason = "forbids_stored" // stored objects that the new annotations forbid
	notAllExamined reason = "unexamined"     // not all stored objects could be examined
	failed         reason = "failed"         // a failure of our own
)

// judgeAnnotations judges the annotations that a write adds or changes. Problems in other annotations only cause notices, so that a
// write that fixes one of two annotations is not denied for the other.
func judgeAnnotations(updated, old map[string]string, s policy.Settings) (violations field.ErrorList, notices []notice) {
	patterns := s.PatternAnnotations()
	written := maps.Clone(updated)
	maps.DeleteFunc(written, func(key, value string) bool { before, was := old[key]; return was && before == value })
	for _, key := range slices.Sorted(maps.Keys(updated)) {
		_, changed := written[key]
		switch {
		case slices.Contains(patterns, key):
			err, about := judgePatterns(key, updated[key], s)
			switch {
			case err != nil && changed:
				violations = append(violations, err)
			case err != nil:
				notices = append(notices, notice{badPattern, "an annotation that was there before permits nothing: " + err.Error()})
			case about != "" && changed:
				notices = append(notices, notice{blankPattern, about})
			}
		case !changed:
		case slices.Contains(policy.Switches(), key):
			if value := updated[key]; value != "true" {
				notices = append(notices, notice{notTrue, fmt.Sprintf(
					`annotation %s is %q, which does not turn it on: only "true" does`, key, text.Cut(value, maxMessage))})
			}
		}
	}
	for _, sentence := range policy.NearMisses(written, s) {
		notices = append(notices, notice{unknownKey, sentence})
	}
	for _, sentence := range policy.Hints(written, s) {
		notices = append(notices, notice{doubtful, sentence})
	}
	return violations, notices
}

// Annotations judges a namespace's annotations as the webhook does at its creation: what it would deny, and warn of.
func Annotations(annotations map[string]string, s policy.Settings) (violations field.ErrorList, warnings []string) {
	violations, notices := judgeAnnotations(annotations, nil, s)
	for _, n := range notices {
		warnings = append(warnings, n.text)
	}
	return violations, warnings
}

// judgePatterns compiles an annotation as policy does.
func judgePatterns(key, patterns string, s policy.Settings) (err *field.Error, about string) {
	flaw, blank := policy.Examine(patterns, s)
	switch {
	case flaw != nil:
		at := field.NewPath("metadata", "annotations").Key(key)
		return field.Invalid(at, field.OmitValueType{}, flaw.Problem+": "+flaw.Remedy), ""
	case blank && s.Legacy:
		return nil, fmt.Sprintf("annotation %s is empty, which permits everything (POLICY_MATCHING=legacy)", key)
	case blank:
		return nil, fmt.Sprintf(`annotation %s is empty, which permits nothing: write ".*" to permit everything, or remove it`, key)
	}
	return nil, ""
}

// limitsChanged reports whether a write may forbid what was permitted before.
func limitsChanged(updated, old map[string]string, s policy.Settings) bool {
	return slices.ContainsFunc(append(s.PatternAnnotations(), names.AnnotationRequireRole), func(key string) bool {
		now, is := updated[key]
		before, was := old[key]
		return is != was || now != before
	})
}
