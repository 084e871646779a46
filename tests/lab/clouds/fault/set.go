package fault

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Set holds the faults that are in force. Its zero value is empty and ready.
type Set struct {
	mu     sync.Mutex
	lastID int
	active []*active
}

type active struct {
	Fault
	// due collects Fraction per matching call; a call is struck each time it reaches one.
	due float64
	// spent tells a count that was used up from one of 0, which means no end.
	spent bool
}

// Strike is what happens to one call: a delay, then perhaps a failure in place of the real answer.
type Strike struct {
	Delay   time.Duration
	Failure *Fault
}

// Wait delays the call, holding nothing. It reports false if the caller hung up meanwhile.
func (s Strike) Wait(ctx context.Context) bool {
	if s.Delay <= 0 {
		return true
	}
	timer := time.NewTimer(s.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Add puts a fault in force and returns the id that Remove takes. A fault that makes no sense is refused.
func (s *Set) Add(f Fault) (string, error) {
	if err := f.check(); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastID++
	f.ID = strconv.Itoa(s.lastID)
	s.active = append(s.active, &active{Fault: f})
	return f.ID, nil
}

// Remove ends one fault. It is an error if none has that id, which is also so when its count is spent.
func (s *Set) Remove(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.active)
	s.active = slices.DeleteFunc(s.active, func(a *active) bool { return a.ID == id })
	if len(s.active) == n {
		return fmt.Errorf("no fault has the id %q: it was removed, or its count is spent", id)
	}
	return nil
}

// Clear ends all faults.
func (s *Set) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active = nil
}

// List returns the faults in force, oldest first; Count is what remains of it.
func (s *Set) List() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	faults := make([]Fault, 0, len(s.active))
	for _, a := range s.active {
		faults = append(faults, a.Fault)
	}
	return faults
}

// Strike decides what goes wrong with a call, and uses up counts and fractions. All matching delays add
// up; of the failures the oldest wins, and the others are not used up.
func (s *Set) Strike(c Call) Strike {
	s.mu.Lock()
	defer s.mu.Unlock()
	var strike Strike
	for _, a := range s.active {
		if !a.matches(c) || (a.Kind != Latency && strike.Failure != nil) || !a.turn() {
			continue
		}
		if a.Kind == Latency {
			strike.Delay += time.Duration(a.Latency)
		} else {
			failure := a.Fault
			strike.Failure = &failure
		}
		if a.Count > 0 {
			a.Count--
			a.spent = a.Count == 0
		}
	}
	s.active = slices.DeleteFunc(s.active, func(a *active) bool { return a.spent })
	return strike
}

// turn reports whether the fraction lets this matching call be struck.
func (a *active) turn() bool {
	if a.Fraction == 0 || a.Fraction == 1 {
		return true
	}
	// The small addend keeps ten times 0.1 from falling short of one.
	a.due += a.Fraction
	if a.due+1e-9 < 1 {
		return false
	}
	a.due--
	return true
}
