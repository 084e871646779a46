package fair

import "container/list"

// Queue holds items of namespaces. Namespaces take turns; items of one namespace keep their order. The zero value is
// empty. It is not safe for concurrent use.
type Queue[T any] struct {
	lines map[string]*line[T]
	turns list.List // of *line, the next one in front
	n     int
}

// line is what waits for one namespace.
type line[T any] struct {
	namespace string
	items     list.List // of *Element
	turn      *list.Element
}

// Element is an item's place in a Queue.
type Element[T any] struct {
	Value T
	line  *line[T]
	place *list.Element
}

// Len is how many items wait.
func (q *Queue[T]) Len() int { return q.n }

// Waiting is how many items of a namespace wait.
func (q *Queue[T]) Waiting(namespace string) int {
	if l := q.lines[namespace]; l != nil {
		return l.items.Len()
	}
	return 0
}

// Push adds an item behind those of its namespace.
func (q *Queue[T]) Push(namespace string, value T) *Element[T] {
	l := q.lines[namespace]
	if l == nil {
		l = &line[T]{namespace: namespace}
		l.turn = q.turns.PushBack(l)
		if q.lines == nil {
			q.lines = map[string]*line[T]{}
		}
		q.lines[namespace] = l
	}
	e := &Element[T]{Value: value, line: l}
	e.place = l.items.PushBack(e)
	q.n++
	return e
}

// Remove takes an item out of the queue that it waits in.
func (q *Queue[T]) Remove(e *Element[T]) {
	l := e.line
	l.items.Remove(e.place)
	q.n--
	if l.items.Len() == 0 {
		q.turns.Remove(l.turn)
		delete(q.lines, l.namespace)
	}
}

// Peek returns the next item of a namespace that may take its turn, without taking it. Nil lets all take theirs.
func (q *Queue[T]) Peek(may func(namespace string) bool) (T, bool) {
	if l := q.next(may); l != nil {
		return front(l).Value, true
	}
	var none T
	return none, false
}

// Pop takes the next item of a namespace that may take its turn, and puts the namespace behind the others. Nil lets all take
// theirs.
func (q *Queue[T]) Pop(may func(namespace string) bool) (T, bool) {
	l := q.next(may)
	if l == nil {
		var none T
		return none, false
	}
	e := front(l)
	q.turns.MoveToBack(l.turn)
	q.Remove(e)
	return e.Value, true
}

func (q *Queue[T]) next(may func(namespace string) bool) *line[T] {
	for turn := q.turns.Front(); turn != nil; turn = turn.Next() {
		l := turn.Value.(*line[T]) //nolint:errcheck // the list holds nothing else
		if may == nil || may(l.namespace) {
			return l
		}
	}
	return nil
}

// Fronts yields each namespace that waits, with its first item.
func (q *Queue[T]) Fronts(yield func(namespace string, first T) bool) {
	for turn := q.turns.Front(); turn != nil; turn = turn.Next() {
		l := turn.Value.(*line[T]) //nolint:errcheck // the list holds nothing else
		if !yield(l.namespace, front(l).Value) {
			return
		}
	}
}

func front[T any](l *line[T]) *Element[T] {
	return l.items.Front().Value.(*Element[T]) //nolint:errcheck // the list holds nothing else
}
