// Package shard divides the objects of one installation among its replicas. Each replica holds a
// Lease (lease.go, renew.go), sees by their renewals which others are live (package lease), derives from their
// names the same assignment of the hash space as they do (package ring), publishes its share of it (membership.go),
// and lets its informers see that share alone (listwatch.go).
//
// Two replicas may own one object for a while: during a hand-over, or while their views differ. That
// costs reads, never a wrong Secret, since writes carry a resourceVersion. What must not happen is an
// object that no replica owns for long, so all doubts are decided for owning.
package shard
