package backend

import (
	"strings"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Remedy says what to do. The terms of package plan stand in it for what the object calls things.
func (e *Error) Remedy() string { return e.remedyIn(asItIs) }

func asItIs(text string) string { return text }

// remedyIn is Remedy in the words of an object. Who reads is added after that: its name is nothing to be replaced.
func (e *Error) remedyIn(say func(string) string) string {
	advice := e.advice
	if advice == "" {
		advice = e.usualAdvice()
	}
	who := identity(e.Source.Store)
	if who == "" {
		who = driver.Proof(e.Source.Credential)
	}
	return strings.ReplaceAll(say(advice), driver.Who, who)
}

// usualAdvice is what one does about the kind, where the driver knows no better.
func (e *Error) usualAdvice() string {
	switch e.Kind {
	case driver.NotFound:
		return "check the key and its version"
	case driver.Denied:
		return "allow " + driver.Who + " to read it"
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
