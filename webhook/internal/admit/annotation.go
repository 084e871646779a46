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

// notice is something that a user who annotates a namespace should know, though it is stored.
type notice struct {
	reason reason
	text   string
}

// The reasons of notices. A namespace is denied for badPattern alone.
const (
	badPattern     reason = "pattern"        // an annotation cannot be parsed
	blankPattern   reason = "empty"          // an annotation that permits nothing, or everything, by holding nothing
	doubtful       reason = "doubtful"       // a pattern that hardly permits what its author had in mind
	notTrue        reason = "not_true"       // a switch whose value does not switch it on
	unknownKey     reason = "unknown"        // an annotation that looks like one of ours and means nothing
	forbidsStored  reason = "forbids_stored" // stored objects that the new annotations forbid
	notAllExamined reason = "unexamined"     // not all stored objects could be looked at
	failed         reason = "failed"         // a failure of our own
)

// judgeAnnotations decides about the annotations that a write adds or changes. What was wrong before is none of that write's:
// it causes a notice, so that a write that fixes one of two annotations is not denied for the other.
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
				notices = append(notices, notice{badPattern, "nothing is permitted by an annotation that was there before: " + err.Error()})
			case about != "" && changed:
				notices = append(notices, notice{blankPattern, about})
			}
		case !changed:
		case slices.Contains(policy.Switches(), key):
			if value := updated[key]; value != "true" {
				notices = append(notices, notice{notTrue, fmt.Sprintf(
					`annotation %s is %q, which leaves it off: only "true" switches it on`, key, text.Cut(value, maxMessage))})
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

// Annotations judges those of a namespace as the webhook does when it is created: what it would deny, and warn of.
func Annotations(annotations map[string]string, s policy.Settings) (violations field.ErrorList, warnings []string) {
	violations, notices := judgeAnnotations(annotations, nil, s)
	for _, n := range notices {
		warnings = append(warnings, n.text)
	}
	return violations, warnings
}

// judgePatterns compiles an annotation as policy does when it judges an object by it.
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

// limitsChanged reports whether a write can forbid what was permitted before.
func limitsChanged(updated, old map[string]string, s policy.Settings) bool {
	return slices.ContainsFunc(append(s.PatternAnnotations(), names.AnnotationRequireRole), func(key string) bool {
		now, is := updated[key]
		before, was := old[key]
		return is != was || now != before
	})
}
