package awssession

import "sync"

// maxClients is how many are kept, since an object's author may name regions: twice as many as AWS has regions.
const maxClients = 80

// Clients makes one client of a service per region and keeps it: it learns from answers how far our clock is off.
type Clients[C any] struct {
	// Make makes the client of a region; it makes no calls.
	Make func(region string) *C

	mu       sync.Mutex
	byRegion map[string]*C
}

// For returns the client of a region.
func (c *Clients[C]) For(region string) *C {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.byRegion[region]; ok {
		return known
	}
	if c.byRegion == nil || len(c.byRegion) >= maxClients {
		c.byRegion = map[string]*C{}
	}
	c.byRegion[region] = c.Make(region)
	return c.byRegion[region]
}
