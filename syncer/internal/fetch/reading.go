package fetch

import (
	"math"
	"time"

	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// revision numbers what a source was found to be: it grows when the digest of its value changes, or its error. 0: not read yet.
type revision uint64

// everything is the revision that an object has applied which no reading is news to: one that is not refreshed, or whose values are
// too large, until the next Request.
const everything revision = math.MaxUint64

// reading is what a source was found to be, without the value itself. All objects that subscribe to the source share it; it is never
// changed, but replaced by one of a higher revision.
type reading struct {
	revision revision
	version  string // of the value that was last read with success
	size     int    // of the same, in bytes
	err      *backend.Error
}

// unread is the reading of a source that was not read yet.
var unread = &reading{}

// delivery is a Store's message to an object: one of its sources was read. Its reading is the one before, where nothing changed.
type delivery struct {
	need    *need
	reading *reading
	read    uint64 // its number
	began   time.Time
	values  []driver.Value // none where the reading is a failure
}

func size(values []driver.Value) (bytes int) {
	for i := range values {
		bytes += values[i].Size()
	}
	return bytes
}
