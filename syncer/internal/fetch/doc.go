// Package fetch reads the sources of objects of all kinds: each source once, however many objects share it, in as few calls as
// the backend's batches allow, and spread over the interval. A refresh that changes nothing triggers no notification.
//
// To know before a first change:
//
//   - Engine (engine.go) is what the controller calls. It knows the objects and the Stores, and starts and ends them.
//   - A source (source.go) is read by its Store, and numbers its reads. Its reading (reading.go) is what it was found to be; the
//     reading's revision grows when the digest of the value changes, or the error.
//   - A store (store.go) is an actor with a goroutine. It repeats: decide what the next step is, by its state alone (state.go); take it;
//     rest until a message comes, or a time. Its state has the schedule, the queues by priority, the breaker and the limiter.
//   - A call (call.go, bisect.go) reads a source, or a batch and, if that fails as a whole, parts of it.
//   - An object (object.go) has a need for each source: the latest revision, the one that its owner has applied, the number of the
//     read that it waits for, and the one of the latest read. What a reading means to it, and whether it waits, is a comparison of these.
//   - A request (request.go) is one read of all sources of an object. It keeps their values, all or none, until they are
//     collected (collect.go).
//   - shares (shares.go, memory.go) are the calls and the memory that namespaces share. What is released is given to those who wait,
//     in turn.
//
// A want goes from the object to the Store (want, raise, withdraw, pause; subscribe, unsubscribe), the end of a call from the call to
// its Store (answer, ended), and a delivery from the Store's goroutine to the object (receive), which notifies the owner. A message
// changes the receiver's state under its lock and wakes it; it never waits for an answer. So a message may cause others, and none is
// handled within another.
//
// Locks are taken in this order: the engine's, an object's, a Store's, that of the shares. So an object may send to Stores while it
// handles a delivery, as a Store sends with its lock released. No lock is held during a call of the Reader, but for Forget, nor for
// longer than a change of state. Of the functions of others, Notify and Observe are called with the object's lock held. No two objects or
// two Stores are locked at a time, and all that Stores have in common are the shares, whose lock calls no function that can block.
//
// Values are in memory from the end of a read until the owners of the objects that wait for them have collected them.
package fetch
