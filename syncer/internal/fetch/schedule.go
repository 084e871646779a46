package fetch

import (
	"container/heap"
	"time"
)

// schedule orders sources by when they are due. It implements heap.Interface.
type schedule []*source

func (h schedule) Len() int           { return len(h) }
func (h schedule) Less(i, j int) bool { return h[i].place.due.Before(h[j].place.due) }

func (h schedule) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place.position, h[j].place.position = i, j
}

// Push implements heap.Interface.
func (h *schedule) Push(x any) {
	s := x.(*source) //nolint:errcheck // the heap holds nothing else
	s.place.position = len(*h)
	*h = append(*h, s)
}

// Pop implements heap.Interface.
func (h *schedule) Pop() any {
	last := len(*h) - 1
	s := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	s.place.position = -1
	return s
}

// add makes a source due at a time, unless it is due sooner already, or is read anyway.
func (h *schedule) add(s *source, due time.Time) {
	switch {
	case s.place.position >= 0:
		if due.Before(s.place.due) {
			s.place.due = due
			heap.Fix(h, s.place.position)
		}
	case s.place.element == nil && !s.underway():
		s.place.due = due
		heap.Push(h, s)
	}
}

// remove takes a source out of the schedule, or out of its queue.
func (h *schedule) remove(s *source) {
	if s.place.position >= 0 {
		heap.Remove(h, s.place.position)
	}
	if s.place.element != nil {
		s.place.queue.remove(s)
	}
}

// take removes up to n sources that are due next, and of which it is true that they fit.
func (h *schedule) take(n int, fits func(*source) bool) []*source {
	var taken, left []*source
	for len(taken) < n && len(left) < n && len(*h) > 0 {
		s := heap.Pop(h).(*source) //nolint:errcheck // the heap holds nothing else
		if fits(s) {
			taken = append(taken, s)
		} else {
			left = append(left, s)
		}
	}
	for _, s := range left {
		heap.Push(h, s)
	}
	return taken
}
