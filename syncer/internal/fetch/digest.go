package fetch

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// digest identifies a value that was read, to see whether the next one is the same. It never leaves the process. Its key is
// random and the process's own, so that it reveals nothing about the value elsewhere.
type digest [sha256.Size]byte

type digester struct{ mac hash.Hash }

func newDigester() *digester {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // it never fails: it would end the process instead
	return &digester{mac: hmac.New(sha256.New, key)}
}

// of is the digest of what a read gave, in its order. It is not safe for concurrent use.
func (d *digester) of(values []driver.Value) (sum digest) {
	d.mac.Reset()
	for _, v := range values {
		kind := byte(0)
		if v.Bytes {
			kind = 1
		}
		d.mac.Write([]byte{kind})
		for _, part := range [][]byte{[]byte(v.Name), []byte(v.Version), v.Data, v.Metadata} {
			d.mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
			d.mac.Write(part)
		}
	}
	d.mac.Sum(sum[:0])
	return sum
}
