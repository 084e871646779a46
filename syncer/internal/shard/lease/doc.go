// Package lease judges the Leases of a ring by when this process observed their renewals. It is pure: it knows no clock, client or
// goroutine.
//
// What a View is given are Leases, as listed and as they change; what it says is the state of each. Clocks of different machines are
// not compared. As in client-go's leader election, a Lease is live for its duration after its renewTime was observed to change.
//
//   - Live: its holder is a member of the ring.
//   - Expired: its holder has stopped serving, or died. The Lease stays for a minute, for people to see.
//   - Orphaned: it may be deleted.
//
// Two rules are for what a process cannot know. A Lease that is new to the View is given as long as a live holder takes to renew it, since
// the others may know already that its holder is dead. And while the View is stale (this process is cut off, or the API server is down) no
// Lease expires; when it is current again, each that was live gets a full duration to be renewed.
package lease
