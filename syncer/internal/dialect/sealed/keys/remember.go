package keys

import (
	"crypto/sha256"

	"github.com/secretgate/secretgate/shared/plan"
)

// How much is remembered.
const (
	maxRefused  = 20_000
	maxOpenable = 50_000
	maxOpeners  = 10_000
)

// memory is what was tried with the keys as they are. It keeps a failed object, which is attempted again for ever, from costing a try of
// all keys each time; a thousand values of one old key from costing a try of all newer ones each; and the question whether an object can
// be opened from costing a try of values that were opened before, such as all but one of an object that is edited. It holds no value, and
// nothing made of one: a ciphertext is public. The zero value is ready to use.
type memory struct {
	refused  map[[sha256.Size]byte]struct{} // that no key opens
	openable map[[sha256.Size]byte]struct{} // that one did
	openers  map[string]*Key                // that opened the last value of a label
}

// forget is for other keys.
func (m *memory) forget() { *m = memory{} }

func (m *memory) isRefused(of plan.Sealed) bool {
	_, is := m.refused[digest(of)]
	return is
}

func (m *memory) refuse(of plan.Sealed) {
	if m.refused == nil || len(m.refused) >= maxRefused {
		m.refused = map[[sha256.Size]byte]struct{}{}
	}
	m.refused[digest(of)] = struct{}{}
}

func (m *memory) isOpenable(of plan.Sealed) bool {
	_, is := m.openable[digest(of)]
	return is
}

func (m *memory) opened(of plan.Sealed, by *Key) {
	if m.openable == nil || len(m.openable) >= maxOpenable {
		m.openable = map[[sha256.Size]byte]struct{}{}
	}
	m.openable[digest(of)] = struct{}{}
	if m.openers == nil || len(m.openers) >= maxOpeners {
		m.openers = map[string]*Key{}
	}
	m.openers[of.Label] = by
}

func digest(of plan.Sealed) (sum [sha256.Size]byte) {
	h := sha256.New()
	_, _ = h.Write([]byte(of.Label))
	_, _ = h.Write([]byte{0}) // no label has one
	_, _ = h.Write([]byte(of.Ciphertext))
	return [sha256.Size]byte(h.Sum(nil))
}
