package secretsmanager

import (
	"crypto/rand"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// store holds the secrets of one account, by region and name. Locks are held for work in memory only.
type store struct {
	account string
	mu      sync.RWMutex
	regions map[string]map[string]*secret
}

// endsLikeARN tells a complete ARN: AWS takes any name that ends so for one.
var endsLikeARN = regexp.MustCompile(`-[A-Za-z0-9]{6}$`)

// find returns the secret that an id means in a region: a name, an ARN, or an ARN without its random
// suffix. Secrets whose recovery window is over are gone. The caller holds the lock.
func (s *store) find(region, id string, now time.Time) *secret {
	name, byARN := strings.CutPrefix(id, s.prefix(region))
	found := s.regions[region][name]
	if byARN && endsLikeARN.MatchString(name) {
		found = s.regions[region][name[:len(name)-7]]
		if found != nil && found.arn != id {
			return nil
		}
	}
	if found == nil || found.gone(now) {
		return nil
	}
	return found
}

// resource is what permissions on an id are judged by: the ARN of a secret that exists, else the id as it
// came, so that a caller without rights on all secrets cannot learn which ones exist.
func (s *store) resource(region, id string, now time.Time) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if found := s.find(region, id, now); found != nil {
		return found.arn
	}
	return id
}

// insert adds a secret under a new ARN. The caller holds the lock for writing.
func (s *store) insert(region, name string, now time.Time) *secret {
	if s.regions == nil {
		s.regions = map[string]map[string]*secret{}
	}
	if s.regions[region] == nil {
		s.regions[region] = map[string]*secret{}
	}
	sec := &secret{name: name, arn: s.prefix(region) + name + "-" + suffix(), created: now, changed: now}
	s.regions[region][name] = sec
	return sec
}

func (s *store) prefix(region string) string {
	return "arn:aws:secretsmanager:" + region + ":" + s.account + ":secret:"
}

// names lists a region's secrets, sorted. The caller holds the lock.
func (s *store) names(region string) []string {
	return slices.Sorted(maps.Keys(s.regions[region]))
}

// suffix makes the six random characters at the end of an ARN.
func suffix() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, 6)
	rand.Read(b) // never fails
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b)
}
