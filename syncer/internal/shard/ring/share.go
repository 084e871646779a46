package ring

import (
	"fmt"
	"hash/fnv"

	"k8s.io/apimachinery/pkg/sharding"
	"k8s.io/apimachinery/pkg/types"
)

// uidField is what the API server hashes.
const uidField = "object.metadata.uid"

// Share is a part of the hash space. The zero value owns nothing.
type Share [slots]bool

// Whole is all of the hash space.
func Whole() Share {
	var share Share
	for slot := range share {
		share[slot] = true
	}
	return share
}

// Owns reports whether an object is in the share.
func (s Share) Owns(uid types.UID) bool {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(uid)) // it never fails
	return s[hash.Sum64()>>slotWidth]
}

// And is what both shares have.
func (s Share) And(other Share) Share {
	for slot := range s {
		s[slot] = s[slot] && other[slot]
	}
	return s
}

// Ratio is the part of the hash space that is in the share, from 0 to 1.
func (s Share) Ratio() float64 {
	owned := 0
	for _, own := range s {
		if own {
			owned++
		}
	}
	return float64(owned) / slots
}

// Ranges are the hash ranges of the share, as few as possible.
func (s Share) Ranges() []sharding.ShardRangeRequirement {
	var ranges []sharding.ShardRangeRequirement
	for slot := 0; slot < slots; slot++ {
		if !s[slot] {
			continue
		}
		first := slot
		for slot < slots && s[slot] {
			slot++
		}
		ranges = append(ranges, sharding.ShardRangeRequirement{Key: uidField, Start: bound(first), End: bound(slot)})
	}
	return ranges
}

// bound is where a slot begins, in the form that the API server demands: 16 digits, 17 for the end of
// the last slot.
func bound(slot int) string {
	return fmt.Sprintf("0x%02x%014x", 2*slot, 0)
}

// Selector is the share as ListOptions.ShardSelector wants it; empty means everything. An API server
// without ShardedListAndWatch ignores it. A share of nothing selects the one hash 0, since there is no
// selector for nothing; the client drops what comes.
func (s Share) Selector() string {
	switch s {
	case Whole():
		return ""
	case Share{}:
		return sharding.NewSelector(sharding.ShardRangeRequirement{Key: uidField, Start: bound(0), End: "0x0000000000000001"}).String()
	default:
		return sharding.NewSelector(s.Ranges()...).String()
	}
}
