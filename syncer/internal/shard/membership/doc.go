// Package membership makes a process a member of its ring: it renews the process's Lease, watches the others', and says what the process
// owns.
//
// One loop does it (membership.go). Its state (state.go) is what became of its two kinds of requests, renewals and the watch, the
// Leases that it observes (package lease), and what it serves. decide says the next step from the state and the time, take the state after
// it, and wake when to look again. Requests run beside the loop, one of each kind at a time (own.go, watch.go), and hand it what
// they learn.
//
// A process is in one of four phases:
//
//	joining    it has not held a Lease yet, or not seen the others': it owns nothing
//	member     it owns its share of the ring of all live Leases (package ring)
//	suspended  it could not renew its Lease for 10 s, and owns nothing until it can: the others take over after 15 s
//	alone      it may not have a Lease, or not see the others', and owns everything, like every other process
//
// Hand-over: when the ring changes, a member at once releases what another owns now. What it gained it acquires when the ring has stayed
// as it is for half a second. So the old owner has stopped before the new one starts, and no object is owned twice, as long as
// the API server delivers a change of a Lease to all members within that time. Where it does not, or where a member that just started
// still takes a dead one's Lease for live, an object has two owners for a while; and a sync that the old owner has begun is not
// interrupted. That costs reads, never a wrong Secret, since writes carry a resourceVersion. What must not happen is an object
// that no process owns for long, so doubts are decided for owning.
package membership
