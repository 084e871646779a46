// Package ring assigns the objects of a ring to its members, by their names alone, so that all members come to the same result.
// It is pure: it knows no clock, client or goroutine.
//
//   - The hash space is that of Kubernetes' sharded list and watch, 64-bit FNV-1a over metadata.uid. It is cut into slots of one size.
//   - A Ring says which member owns each slot. Assign makes it by rendezvous hashing with bounded loads: every pair of member and
//     slot has a score; the best pair goes first, until a member has its equal part.
//   - A Share is the slots of one member. It owns an object, or does not, and is a selector for the API server.
package ring
