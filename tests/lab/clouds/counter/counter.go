// Package counter counts the calls that the emulated clouds answered: what a benchmark bills.
package counter

import (
	"cmp"
	"slices"
	"sync"
)

// Key is what calls are counted by. Identity is the caller's ARN (or the cloud's like of it), empty where
// the call did not prove one. Code is "OK" or the error code that the caller was given.
type Key struct {
	Cloud     string `json:"cloud"`
	Service   string `json:"service"`
	Operation string `json:"operation"`
	Identity  string `json:"identity"`
	Code      string `json:"code"`
}

// Count is how many calls one key stands for.
type Count struct {
	Key
	Count int `json:"count"`
}

// Set holds the counts. Its zero value is empty and ready. A call is counted before its answer is sent,
// so a client that has read an answer finds it counted.
type Set struct {
	mu     sync.Mutex
	counts map[Key]int
}

// Add counts one call.
func (s *Set) Add(k Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = map[Key]int{}
	}
	s.counts[k]++
}

// All returns every count, ordered by key.
func (s *Set) All() []Count {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Count, 0, len(s.counts))
	for k, n := range s.counts {
		all = append(all, Count{Key: k, Count: n})
	}
	slices.SortFunc(all, func(a, b Count) int {
		return cmp.Or(
			cmp.Compare(a.Cloud, b.Cloud), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Operation, b.Operation),
			cmp.Compare(a.Identity, b.Identity), cmp.Compare(a.Code, b.Code),
		)
	})
	return all
}

// Sum adds up the calls that agree with k in each field that k sets: Sum(Key{}) is all of them.
func (s *Set) Sum(k Key) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := 0
	for have, n := range s.counts {
		if agrees(k.Cloud, have.Cloud) && agrees(k.Service, have.Service) && agrees(k.Operation, have.Operation) &&
			agrees(k.Identity, have.Identity) && agrees(k.Code, have.Code) {
			sum += n
		}
	}
	return sum
}

// Reset forgets every count.
func (s *Set) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts = nil
}

func agrees(want, have string) bool { return want == "" || want == have }
