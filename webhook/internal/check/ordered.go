package check

import "iter"

// ordered does work on items by several workers, and yields the results in the order of the items.
// However many items there are, only a few of them are held at a time.
func ordered[T, R any](workers int, items iter.Seq[T], work func(T) R) iter.Seq[R] {
	type task struct {
		item   T
		result chan R
	}
	return func(yield func(R) bool) {
		stop := make(chan struct{})
		defer close(stop)
		tasks, queue := make(chan task), make(chan task, 4*workers)
		go func() {
			defer close(queue)
			defer close(tasks)
			for item := range items {
				t := task{item, make(chan R, 1)}
				select {
				case queue <- t:
				case <-stop:
					return
				}
				select {
				case tasks <- t:
				case <-stop:
					return
				}
			}
		}()
		for range workers {
			go func() {
				for t := range tasks {
					t.result <- work(t.item)
				}
			}()
		}
		for t := range queue {
			if !yield(<-t.result) {
				return
			}
		}
	}
}
