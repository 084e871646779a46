// Package shard is the sharded cache: informers that hold the objects of this replica alone.
//
// The data flows one way:
//
//	Leases      as the API server has them; each replica renews its own
//	   ↓        package lease: which are live, by when this replica saw them renewed
//	members     package membership, one loop, which also decides when a change of them takes effect (hand-over)
//	   ↓        package ring: which member owns which slot of the hash space
//	share       Shares: what this replica owns now
//	   ↓        Informers: the lists and watches of objects, narrowed to the share
//	events      for the controllers, which see an object appear when it is gained, and disappear when it is lost
//
// What an informer needs to know of a share is whether an object is in it (by the uid of the object, or for a Secret by that of the
// object it was made for), and how it changes while a watch runs: what was lost is removed without a request, what was gained is
// listed, and the watch goes on (stream.go).
package shard
