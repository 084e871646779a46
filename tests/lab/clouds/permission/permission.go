// Package permission decides what an identity may do. Everything is denied that no statement allows;
// there are no Deny statements and no conditions, which no test has needed.
package permission

import (
	"strings"

	"github.com/secretgate/secretgate/tests/lab/clouds/wildcard"
)

// Allow permits every action that matches one of Actions on every resource that matches one of
// Resources. Both take * and ?. Actions compare without case, as IAM's do; resources exactly.
type Allow struct {
	Actions   []string `json:"actions"`
	Resources []string `json:"resources"`
}

// Set is what one identity may do. The empty set permits nothing.
type Set []Allow

// Allows reports whether some statement permits the action on the resource.
func (s Set) Allows(action, resource string) bool {
	action = strings.ToLower(action)
	for _, a := range s {
		if matches(a.Actions, action, strings.ToLower) && matches(a.Resources, resource, same) {
			return true
		}
	}
	return false
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
