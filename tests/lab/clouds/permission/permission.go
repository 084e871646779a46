// Package permission decides what an identity may do. Everything is denied that no statement allows;
// there are no Deny statements, and no conditions but those on the caller's tags.
package permission

import (
	"regexp"
	"strings"

	"github.com/secretgate/secretgate/tests/lab/clouds/wildcard"
)

// Allow permits every action that matches one of Actions on every resource that matches one of
// Resources. Both take * and ?. Actions compare without case, as IAM's do; resources exactly.
type Allow struct {
	Actions   []string `json:"actions"`
	Resources []string `json:"resources"`
	// Tags are those that the caller must have, by their keys, as StringLike of aws:PrincipalTag/<key> demands; values take * and ?.
	Tags map[string]string `json:"tags,omitempty"`
}

// Set is what one identity may do. The empty set permits nothing.
type Set []Allow

// Allows reports whether some statement permits the action on the resource to a caller without tags.
func (s Set) Allows(action, resource string) bool { return s.AllowsTagged(nil, action, resource) }

// AllowsTagged is Allows for a caller with tags. ${aws:PrincipalTag/<key>} in a statement's resources stands for the value of a tag;
// one that names a tag which the caller has not matches nothing, as on AWS.
func (s Set) AllowsTagged(tags map[string]string, action, resource string) bool {
	action = strings.ToLower(action)
	for _, a := range s {
		if matches(a.Actions, action, strings.ToLower) && Tagged(a.Tags, tags) && matches(resources(a.Resources, tags), resource, same) {
			return true
		}
	}
	return false
}

// Tagged reports whether tags have the values that are demanded.
func Tagged(demanded, tags map[string]string) bool {
	for key, pattern := range demanded {
		if value, ok := tags[key]; !ok || !wildcard.Match(pattern, value) {
			return false
		}
	}
	return true
}

var variable = regexp.MustCompile(`\$\{aws:PrincipalTag/([^}]+)\}`)

// resources puts the caller's tags in for variables.
func resources(patterns []string, tags map[string]string) []string {
	filled := make([]string, 0, len(patterns))
	for _, pattern := range patterns {
		known := true
		pattern = variable.ReplaceAllStringFunc(pattern, func(v string) string {
			value, ok := tags[variable.FindStringSubmatch(v)[1]]
			known = known && ok
			return value
		})
		if known {
			filled = append(filled, pattern)
		}
	}
	return filled
}

func matches(patterns []string, s string, fold func(string) string) bool {
	for _, p := range patterns {
		if wildcard.Match(fold(p), s) {
			return true
		}
	}
	return false
}

func same(s string) string { return s }
