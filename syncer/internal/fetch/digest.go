package fetch

import (
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/digest"
)

// digestOf is the digest of what a read gave, in its order, to see whether the next one gives the same.
func digestOf(maker *digest.Maker, values []driver.Value) digest.Digest {
	const partsOfValue = 5
	parts := make([][]byte, 0, partsOfValue*len(values))
	for i := range values {
		v := &values[i]
		kind := []byte{0}
		if v.Bytes {
			kind[0] = 1
		}
		parts = append(parts, kind, []byte(v.Name), []byte(v.Version), v.Data, v.Metadata)
	}
	return maker.Of(parts...)
}
