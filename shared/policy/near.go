package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/near"
)

// maxEdits is how many characters a key may be away from one of ours to be taken for it.
const maxEdits = 3

// NearMisses returns a sentence about each of a namespace's annotations that looks like one of ours and is not, in the order of
// their keys. Such a key limits nothing, so its author's policy fails open. Every key under our prefix that is none of ours counts.
func NearMisses(annotations map[string]string, s Settings) []string {
	var sentences []string
	known := append(append(s.PatternAnnotations(), Switches()...), names.AnnotationRestart) // the last limits restarts, and no object
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if slices.Contains(known, key) {
			continue
		}
		meant := nearest(key, known)
		switch {
		case meant != "":
			sentences = append(sentences, fmt.Sprintf("annotation %s means nothing to Secretgate and limits nothing: did you mean %s?", key, meant))
		case slices.ContainsFunc(names.PolicyPrefixes(), func(prefix string) bool { return strings.HasPrefix(key, prefix) }):
			sentences = append(sentences, fmt.Sprintf("annotation %s means nothing to Secretgate and limits nothing; known are %s",
				key, strings.Join(short(known), ", ")))
		}
	}
	return sentences
}

// Switches lists the annotations of a namespace that count where their value is "true".
func Switches() []string {
	return []string{names.AnnotationRequireRole, names.AnnotationPermitAdopt, names.AnnotationRequireOpenable}
}

// nearest is the annotation that a key was probably meant to be; it is empty where there is none.
func nearest(key string, known []string) string {
	lower := strings.ToLower(key) // the API server takes keys of any case, we take our own
	whole := func(key string) string { return key }
	if meant := closest(lower, known, whole); meant != "" {
		return meant
	}
	prefix, _ := split(lower)
	if !related(prefix, known) {
		return ""
	}
	return closest(lower, known, func(key string) string {
		_, name := split(key)
		return name
	})
}

// closest is the candidate a part of which is the fewest edits away from that of the key; it is empty where none is near.
func closest(key string, candidates []string, part func(string) string) string {
	best, least := "", maxEdits+1
	for _, candidate := range candidates {
		wanted := strings.ToLower(part(candidate))
		n := near.Edits(part(key), wanted, maxEdits+1)
		if n < least && n <= len(wanted)/6 { // a short key of an installation's own has many neighbours
			best, least = candidate, n
		}
	}
	return best
}

// related reports whether a prefix may stand for ours: other products have annotations of the same names, too.
func related(prefix string, known []string) bool {
	return prefix == "" || strings.Contains(prefix, "secret") || strings.Contains(prefix, "kubernetes-client") ||
		slices.ContainsFunc(known, func(key string) bool { p, _ := split(key); return p == prefix })
}

// split parts the prefix of a key, which may lack, from its name.
func split(key string) (prefix, name string) {
	if prefix, name, found := strings.Cut(key, "/"); found {
		return prefix, name
	}
	return "", key
}

// short lists keys without our own prefix, which most of them have.
func short(keys []string) []string {
	trimmed := make([]string, len(keys))
	for i, key := range keys {
		trimmed[i] = strings.TrimPrefix(key, names.ReservedPrefix)
	}
	slices.Sort(trimmed)
	return trimmed
}
