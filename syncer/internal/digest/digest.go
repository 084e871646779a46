// Package digest makes digests of values, to see whether a value is the one that was there before, without keeping it.
package digest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

// Digest stands for a value. It never leaves the process: the key is random and its maker's own, so that it reveals nothing about the
// value elsewhere.
type Digest [sha256.Size]byte

// Maker makes digests by one key. It may be used concurrently.
type Maker struct{ macs sync.Pool }

// NewMaker makes a Maker with a key of its own.
func NewMaker() *Maker {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // it never fails: it would end the process instead
	return &Maker{sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// Of is the digest of some parts in their order. Parts that are divided otherwise have another one.
func (m *Maker) Of(parts ...[]byte) (sum Digest) {
	mac := m.macs.Get().(hash.Hash) //nolint:errcheck // the pool holds nothing else
	defer m.macs.Put(mac)
	mac.Reset()
	var length [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		mac.Write(length[:])
		mac.Write(part)
	}
	mac.Sum(sum[:0])
	return sum
}
