// Package shard divides the objects of one installation among its replicas. Each replica holds a
// Lease (lease.go, renew.go), tracks by their renewals which others are live (tracker.go), derives from their
// names the same assignment of the hash space as they do (ring.go), publishes its share of it (membership.go),
// and lets its informers see that share alone (listwatch.go).
//
// Two replicas may own one object for a while: during a hand-over, or while their views differ. That
// costs reads, never a wrong Secret, since writes carry a resourceVersion. What must not happen is an
// object that no replica owns for long, so all doubts are decided for owning.
package shard

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"

	"k8s.io/apimachinery/pkg/sharding"
	"k8s.io/apimachinery/pkg/types"
)

// The hash space, 64-bit FNV-1a over metadata.uid as in Kubernetes' sharded list and watch, is cut
// into slots of one size, since a share becomes a selector that the API server evaluates for each
// event: the more slots, the better the balance and the longer the selector (some 30 ranges at worst).
const (
	slotBits  = 7
	slots     = 1 << slotBits
	slotWidth = 64 - slotBits // bits
)

// uidField is what the API server hashes.
const uidField = "object.metadata.uid"

// Ring says which member owns which slot.
type Ring [slots]string

// Assign gives each slot to a member. Every member gets its equal part, rounded down or up. The
// members' names alone decide, not their order, so that all replicas come to the same assignment.
//
// Every pair of member and slot has a score, by which both sides choose: the best pair first, until
// members are full. So few slots move but those of a replica that joins or leaves: for up to twelve members on
// average a tenth of the slots at most beyond the least that must.
func Assign(members []string) Ring {
	var ring Ring
	members = slices.Compact(slices.Sorted(slices.Values(members)))
	if len(members) == 0 {
		return ring
	}
	least, more := slots/len(members), slots%len(members)
	taken := make([]int, len(members))
	for _, p := range pairs(members) {
		full := taken[p.member] > least || taken[p.member] == least && more == 0
		if full || ring[p.slot] != "" {
			continue
		}
		if taken[p.member] == least {
			more--
		}
		taken[p.member]++
		ring[p.slot] = members[p.member]
	}
	return ring
}

type pair struct {
	member, slot int
	score        uint64
}

// pairs are all pairs of member and slot, the best first.
func pairs(members []string) []pair {
	all := make([]pair, 0, slots*len(members))
	for member, name := range members {
		for slot := range slots {
			sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", name, slot))
			all = append(all, pair{member, slot, binary.BigEndian.Uint64(sum[:])})
		}
	}
	slices.SortStableFunc(all, func(a, b pair) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		default:
			return 0
		}
	})
	return all
}

// Share is what the member of this name owns.
func (r Ring) Share(member string) Share {
	var share Share
	for slot, owner := range r {
		share[slot] = owner == member
	}
	return share
}

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

// Covers reports whether all of another share is in this one.
func (s Share) Covers(other Share) bool {
	for slot := range s {
		if other[slot] && !s[slot] {
			return false
		}
	}
	return true
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
