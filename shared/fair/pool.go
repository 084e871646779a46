// Package fair shares what is scarce among namespaces: calls under way, workers, bytes in memory. One rule serves all of them:
// a namespace may hold up to three times what is free. So one alone gets three quarters, two busy ones three sevenths each, and
// a namespace that holds little always finds something free, however much the others want. Nothing is taken back.
package fair

// holdings is how many times what is free a namespace may hold.
const holdings = 3

// Pool is a number of equal things that namespaces hold for a while. Its zero value has none. It is not safe for concurrent use.
type Pool struct {
	Capacity int
	held     map[string]int
	total    int
}

// CanAcquire reports whether a namespace may acquire n more.
func (p *Pool) CanAcquire(namespace string, n int) bool {
	free, held := p.Capacity-p.total, p.held[namespace]
	return n <= free && (held == 0 || held+n <= holdings*free)
}

// Acquire gives n to a namespace. It does not check that CanAcquire permits it: some things are held before their number is known.
func (p *Pool) Acquire(namespace string, n int) {
	if p.held == nil {
		p.held = map[string]int{}
	}
	p.held[namespace] += n
	p.total += n
}

// Release takes n back from a namespace.
func (p *Pool) Release(namespace string, n int) {
	p.total -= n
	if p.held[namespace] -= n; p.held[namespace] == 0 {
		delete(p.held, namespace)
	}
}

// Held is how many are held.
func (p *Pool) Held() int { return p.total }
