package policy

import "sync"

// maxCompiled bounds what Compiled remembers, in the cost of patterns, of about 90 bytes each: those of some two thousand namespaces.
const maxCompiled = 600_000

// Compiled remembers the patterns of the annotations that were used last, which many objects are judged by. It may be used concurrently.
// The zero value is ready to use; nil remembers nothing.
type Compiled struct {
	mu sync.Mutex
	// What is used is in recent. Once that is half of what may be remembered, it replaces before, and what was there and has not been
	// used since is forgotten.
	recent, before map[annotated]*patterns
	cost           int // of recent
}

// annotated is what patterns follow from.
type annotated struct {
	lines  string
	legacy bool
}

// patterns are those of an annotation, compiled now if they are not remembered.
func (c *Compiled) patterns(lines string, legacy bool) *patterns {
	of := annotated{lines, legacy}
	if known := c.known(of); known != nil {
		return known
	}
	compiled := compile(lines, legacy)
	c.remember(of, compiled)
	return compiled
}

func (c *Compiled) known(of annotated) *patterns {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.recent[of]
	if known == nil {
		if known = c.before[of]; known != nil {
			c.add(of, known)
		}
	}
	return known
}

func (c *Compiled) remember(of annotated, compiled *patterns) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.recent[of] == nil {
		c.add(of, compiled)
	}
}

func (c *Compiled) add(of annotated, compiled *patterns) {
	if c.cost += compiled.weight(of); c.recent == nil || c.cost > maxCompiled/2 {
		c.before, c.recent, c.cost = c.recent, map[annotated]*patterns{}, compiled.weight(of)
	}
	c.recent[of] = compiled
}

// weight is what it costs to remember patterns: their texts count, too, since those of a large annotation may compile to nothing.
func (p *patterns) weight(of annotated) int { return p.cost + len(of.lines)/16 + 1 }
