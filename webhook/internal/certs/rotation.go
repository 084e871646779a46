package certs

import (
	"crypto/x509"
	"fmt"
	"time"
)

// Timing holds the life times of self-signed mode. A zero field takes its default.
type Timing struct {
	// CALife is the life of a CA (default 365 days). A new one is announced after two thirds of it.
	CALife time.Duration
	// LeafLife is the life of a serving certificate (default 7 days). It is renewed after two thirds of it.
	LeafLife time.Duration
	// Propagation is how long both webhook configurations must carry a new CA before it signs (default 10 minutes): by
	// then every API server is taken to have seen it. A replica that has not read the Secret for as long stops signing.
	Propagation time.Duration
	// Poll is how often the Secret and the configurations are read if no watch reports a change (default 5 seconds).
	Poll time.Duration
}

func (t Timing) withDefaults() Timing {
	const day = 24 * time.Hour
	for _, field := range []struct {
		value    *time.Duration
		standard time.Duration
	}{{&t.CALife, 365 * day}, {&t.LeafLife, 7 * day}, {&t.Propagation, 10 * time.Minute}, {&t.Poll, 5 * time.Second}} {
		if *field.value == 0 {
			*field.value = field.standard
		}
	}
	return t
}

func (t Timing) check() error {
	if t.CALife < 0 || t.LeafLife < 0 || t.Propagation < 0 || t.Poll < 0 {
		return fmt.Errorf("certificates: a life time is negative: %+v", t)
	}
	if need := 3 * (t.Propagation + t.retention()); t.CALife < need {
		return fmt.Errorf("certificates: a CA life of %s leaves no time for a rotation: make it at least %s, or leaves shorter", t.CALife, need)
	}
	if t.Propagation < t.Poll {
		return fmt.Errorf("certificates: the propagation time %s is shorter than the poll interval %s: make it longer", t.Propagation, t.Poll)
	}
	return nil
}

// retention is how long a CA that has stopped signing stays published: a replica that has not yet noticed signs with it
// for at most Propagation more, and such a leaf lives LeafLife. No replica can serve one afterwards.
func (t Timing) retention() time.Duration { return t.LeafLife + t.Propagation + clockSkew }

// state is what the Secret says, the same for all replicas.
type state struct {
	signer   *signer             // signs leaves; nil after a loss, until next may
	next     *signer             // published, does not sign yet
	nextSeen time.Time           // since when both configurations carry next; zero: they do not, or not any more
	previous []*x509.Certificate // published, sign no more: their keys are gone
	until    time.Time           // when previous is dropped
}

// trusted is the published bundle. Its order depends on the state alone, so replicas write the same bytes.
func (s state) trusted() []*x509.Certificate {
	var certificates []*x509.Certificate
	for _, ca := range []*signer{s.signer, s.next} {
		if ca != nil {
			certificates = append(certificates, ca.cert)
		}
	}
	return append(certificates, s.previous...)
}

func (s state) bundle() []byte { return encodeCertificates(s.trusted()) }

// choose is what one replica, which signs with current so far, signs with from now on. published: the configurations carry
// the bundle. wanted: the choice agrees with the Secret.
func (s state) choose(current *signer, published bool, now time.Time) (chosen *signer, wanted bool) {
	lead := s.signer
	if lead == nil {
		lead = s.next
	}
	switch {
	case current == nil || current.expired(now):
		// No handshake of this replica is there to break.
		return lead, true
	case s.signer == nil && contains(s.trusted(), current.cert):
		// The Secret lost it, but it is trusted, and next is not yet known to be.
		return current, true
	case published || current.same(lead):
		return lead, true
	}
	return current, false
}

// step is one change of the Secret.
type step string

const (
	stay      step = "nothing to do"
	establish step = "make a CA, for the Secret has no usable one"
	announce  step = "publish a new CA that does not sign yet"
	seen      step = "both webhook configurations carry the new CA: the wait begins"
	unseen    step = "a webhook configuration lost the new CA: the wait will begin anew"
	promote   step = "sign with the new CA, keep the old one published"
	retire    step = "drop the old CA: no certificate that it signed is valid any more"
	discard   step = "drop a new CA that expired before it could sign"
	tidy      step = "remove unreadable entries"
)

// makesCA says whether the step needs a fresh signer.
func (s step) makesCA() bool { return s == establish || s == announce }

// decide is the rotation: publish old and new, wait, sign with the new, drop the old. A bundle therefore always holds the
// CA of every leaf that a replica may still serve, and a CA is published for Propagation before its first leaf.
// published: both configurations exist and carry s.bundle() in all their entries. damaged: the Secret held more than s,
// unreadable.
//
// An emptied or corrupted Secret gets a new CA. That is failing closed: nothing unreadable is trusted, and serving nothing
// would only make failurePolicy Fail block every write until a human emptied the Secret, which comes to the same. If
// replicas may still serve leaves of the lost CA, it stays published and the new one waits as in any rotation.
func decide(s state, damaged, published bool, now time.Time, t Timing) step {
	waiting := s.next != nil
	lost := s.signer == nil
	expired := !lost && s.signer.expired(now)
	switch {
	case waiting && s.next.expired(now):
		return discard
	case damaged:
		return tidy
	case expired && waiting:
		return promote
	case expired, lost && !waiting:
		return establish
	case !lost && len(s.previous) > 0 && !now.Before(s.until):
		return retire
	case !waiting && len(s.previous) == 0 && !now.Before(rotateAt(s.signer.cert)):
		return announce
	case waiting:
		return s.await(published, now, t)
	}
	return stay
}

// await is decide for a CA that is published and does not sign yet.
func (s state) await(published bool, now time.Time, t Timing) step {
	switch {
	case published && s.nextSeen.IsZero():
		return seen
	case !published && !s.nextSeen.IsZero():
		return unseen
	case published && !now.Before(s.nextSeen.Add(t.Propagation)):
		return promote
	}
	return stay
}

func rotateAt(ca *x509.Certificate) time.Time {
	return ca.NotAfter.Add(ca.NotAfter.Sub(ca.NotBefore) / -3)
}

// take returns the state after the step. fresh is the CA of a step that makes one. known are CA certificates that a Secret
// without a signer lost, but that replicas may still serve leaves of.
func (s state) take(action step, fresh *signer, known []*x509.Certificate, now time.Time, t Timing) state {
	switch action {
	case establish:
		s = keep(nil, append(s.trusted(), known...), now, t)
		if len(s.previous) == 0 {
			s.signer = fresh // no leaf is served, no CA trusted: there is nothing to wait for
		} else {
			s.next = fresh
		}
	case tidy:
		if s.signer == nil {
			next, since := s.next, s.nextSeen
			s = keep(next, append(s.previous, known...), now, t)
			s.signer, s.next, s.nextSeen = nil, next, since
		}
	case promote:
		s = keep(s.next, s.trusted(), now, t)
	case announce:
		s.next, s.nextSeen = fresh, time.Time{}
	case discard:
		s.next, s.nextSeen = nil, time.Time{}
	case seen:
		s.nextSeen = now
	case unseen:
		s.nextSeen = time.Time{}
	case retire:
		s.previous, s.until = nil, time.Time{}
	case stay:
	}
	return s
}

// keep returns a state with this signer, in which the others that are still valid are previous CAs, without their keys.
func keep(heir *signer, others []*x509.Certificate, now time.Time, t Timing) state {
	after := state{signer: heir}
	for _, other := range others {
		if now.Before(other.NotAfter) && !contains(after.trusted(), other) {
			after.previous = append(after.previous, other)
		}
	}
	if len(after.previous) > 0 {
		after.until = now.Add(t.retention())
	}
	return after
}

func contains(certificates []*x509.Certificate, wanted *x509.Certificate) bool {
	for _, certificate := range certificates {
		if certificate.Equal(wanted) {
			return true
		}
	}
	return false
}
