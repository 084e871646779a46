package ring

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
)

// The hash space, 64-bit FNV-1a over metadata.uid as in Kubernetes' sharded list and watch, is cut
// into slots of one size, since a share becomes a selector that the API server evaluates for each
// event: the more slots, the better the balance and the longer the selector (some 30 ranges at worst).
const (
	slotBits  = 7
	slots     = 1 << slotBits
	slotWidth = 64 - slotBits // bits
)

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
	slices.SortStableFunc(all, func(a, b pair) int { return cmp.Compare(b.score, a.score) })
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
