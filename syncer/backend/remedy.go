package backend

import (
	"strings"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Remedy is what to do. It may contain terms of package plan, which stand for the names that the object's kind has for things.
func (e *Error) Remedy() string { return e.remedyIn(asItIs) }

func asItIs(text string) string { return text }

// remedyIn is Remedy with the names of an object. The identity is added last: no terms are replaced in its name.
func (e *Error) remedyIn(say func(string) string) string {
	hint := e.hint
	if hint == "" {
		hint = e.defaultRemedy()
	}
	who := identity(e.Source.Store)
	if who == "" {
		who = driver.Proof(e.Source.Credential)
	}
	return strings.ReplaceAll(say(hint), driver.TermIdentity, who)
}

// defaultRemedy is what to do about the kind, where the driver has no hint.
func (e *Error) defaultRemedy() string {
	switch e.Kind {
	case driver.NotFound:
		return "check the key and its version"
	case driver.Denied:
		return "allow " + driver.TermIdentity + " to read it"
	case driver.Invalid:
		return "correct the key and its options in the object"
	case driver.Unauthenticated:
		if c := e.Source.Credential; c.Kind != plan.OwnCredential {
			return "check " + driver.Proof(c) + ", and that the backend accepts it"
		}
		return "check the credentials that the syncer is given for this backend"
	case driver.Throttled:
		return "it is tried again later: raise {interval}, or the backend's quota, if this goes on"
	case driver.Unavailable:
		return "it is tried again: check the backend's health, and the network and proxy on the way, if this goes on"
	default:
		return "it is tried again: look into the backend's own logs if this goes on"
	}
}
