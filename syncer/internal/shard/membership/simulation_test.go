package membership

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/syncer/internal/shard/lease"
	"github.com/secretgate/secretgate/syncer/internal/shard/ring"
	"github.com/secretgate/secretgate/syncer/internal/shard/shardtest"
)

// TestSimulation has four replicas share 100,000 objects, in fake time. The API server delivers each change of a Lease within 400 ms, to
// each replica at another moment. Whatever happens, no object is owned twice at any moment.
func TestSimulation(t *testing.T) {
	for _, name := range []string{"red", "green", "blue"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newSimulation(t, name, 400*time.Millisecond).run() })
		})
	}
}

// An API server that delivers later than a hand-over waits costs reads: an object has two owners meanwhile. It still has one soon, and one
// alone in the end.
func TestSimulationOfASlowAPIServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulation(t, "slow", 1500*time.Millisecond)
		s.run()
		if s.twice == 0 || s.twice > s.latest {
			t.Errorf("objects had two owners for %s at most, want some time, up to %s", s.twice, s.latest)
		}
	})
}

const objects = 100_000

// simulation is the replicas, and what each owns at the moment.
type simulation struct {
	*testing.T
	ring    string // by whose name the members divide the objects otherwise
	leases  shardtest.Leases
	uids    []types.UID
	members map[string]*replica // that live
	latest  time.Duration       // the delay of a change that is delivered late

	mu    sync.Mutex
	what  string    // happened last
	since time.Time // when
	owned map[string]ring.Share
	whole time.Time     // since when all objects have an owner
	both  time.Time     // since when objects have two; zero: none has
	twice time.Duration // for how long some had two at most
}

func newSimulation(t *testing.T, name string, latest time.Duration) *simulation {
	s := &simulation{T: t, ring: name, latest: latest, leases: shardtest.NewLeases(t),
		members: map[string]*replica{}, owned: map[string]ring.Share{}}
	random := rand.New(rand.NewPCG(1, 2))
	for range objects { // FNV spreads random uids, as the API server's are, and not numbers
		s.uids = append(s.uids, types.UID(fmt.Sprintf("%016x-%016x", random.Uint64(), random.Uint64())))
	}
	return s
}

func (s *simulation) run() {
	soon := s.latest + handOver + 100*time.Millisecond // a change is delivered, and waited for
	s.during("a cold start", func() { s.join("r0", "r1", "r2", "r3") })
	s.settle(0, soon)
	s.spread(0.03)
	before := s.owners()

	s.during("r2 dies", func() { s.kill("r2") })
	s.settle(10*time.Second, lease.Duration+soon) // it renewed its Lease 5 s before at most
	s.spread(0.03)
	s.moved(before, "r2", 0)

	before = s.owners()
	s.during("r4 joins", func() { s.join("r4") })
	s.settle(0, soon)
	s.spread(0.03)
	s.moved(before, "", 1.0/4)

	before = s.owners()
	s.during("r5 joins", func() { s.join("r5") })
	s.settle(0, soon)
	s.spread(0.05) // five members cannot have the same number of slots
	s.moved(before, "", 1.0/5)

	before = s.owners()
	s.during("r0 stops", func() { s.stop("r0") })
	s.settle(0, soon)
	s.spread(0.03)
	s.moved(before, "r0", 0)

	s.during("a rolling update", func() {
		for _, old := range []string{"r1", "r3", "r4", "r5"} {
			s.join(old + "-new")
			after(2 * time.Second)
			s.stop(old)
		}
	})
	s.settle(0, soon)
	s.spread(0.03)

	before = s.owners()
	s.during("r1-new is cut off", func() { s.members["r1-new"].way.breaks(fmt.Errorf("no answer")) })
	s.settle(10*time.Second, lease.Duration+soon)
	s.moved(before, "r1-new", 0)
	s.during("r1-new is back", func() { s.members["r1-new"].way.breaks(nil) })
	s.settle(0, retryEvery+soon)
	s.same(before)

	s.during("the API server is away", func() {
		s.leases.FailWith(func(string) error { return fmt.Errorf("no answer") })
		after(time.Minute)
		s.leases.FailWith(nil)
	})
	s.settle(0, retryEvery+soon)
	s.same(before)
}

// own takes what a replica owns from now on.
func (s *simulation) own(name string, share ring.Share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owned[name] = share
	var all, both ring.Share
	for _, owned := range s.owned {
		for slot := range owned {
			both[slot] = both[slot] || all[slot] && owned[slot]
			all[slot] = all[slot] || owned[slot]
		}
	}
	if both != (ring.Share{}) && s.latest < handOver {
		s.Errorf("%s, after %s: %s and others own %.1f %% of the objects both", s.what, time.Since(s.since), name, 100*both.Ratio())
	}
	if !s.both.IsZero() {
		s.twice = max(s.twice, time.Since(s.both))
	}
	s.both = since(s.both, both != ring.Share{})
	s.whole = since(s.whole, all == ring.Whole())
}

// since is since when something is the case; zero: it is not.
func since(before time.Time, is bool) time.Time {
	switch {
	case !is:
		return time.Time{}
	case before.IsZero():
		return time.Now()
	default:
		return before
	}
}

// during notes what happens while it does.
func (s *simulation) during(what string, do func()) {
	s.note(what)
	do()
	s.note(what)
}

func (s *simulation) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.what, s.since = what, time.Now()
}

func (s *simulation) join(names ...string) {
	for _, name := range names {
		way := &cable{Leases: s.leases, delay: func() time.Duration { return rand.N(s.latest) }}
		s.members[name] = joinBy(s.T, way, s.ring, name, func(share ring.Share) { s.own(name, share) })
	}
}

func (s *simulation) stop(name string) {
	s.members[name].stop()
	delete(s.members, name)
}

func (s *simulation) kill(name string) {
	s.members[name].kill()
	delete(s.members, name)
	s.own(name, ring.Share{})
}

// settle waits for the end of the hand-over, and expects that every object has an owner again between these times after what happened.
func (s *simulation) settle(least, most time.Duration) {
	s.Helper()
	after(time.Minute)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.both.IsZero() {
		s.Errorf("%s: objects have had two owners for %s", s.what, time.Since(s.both))
	}
	took := max(0, s.whole.Sub(s.since)) // 0: no object was without one
	if s.whole.IsZero() || took < least || took > most {
		s.Errorf("%s: every object has an owner after %s, want %s to %s", s.what, took, least, most)
	}
	s.Logf("%s: every object has an owner after %.2f s, %.2f of a Lease's duration", s.what, took.Seconds(), float64(took)/float64(lease.Duration))
}

// owners are those of all objects, by uid.
func (s *simulation) owners() map[types.UID]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	owners := make(map[types.UID]string, objects)
	for name, share := range s.owned {
		for _, uid := range s.uids {
			if share.Owns(uid) {
				owners[uid] = name
			}
		}
	}
	return owners
}

// spread expects that no live replica is further from its even part of the objects.
func (s *simulation) spread(tolerance float64) {
	s.Helper()
	served := map[string]float64{}
	for _, name := range s.owners() {
		served[name]++
	}
	even, worst := float64(objects)/float64(len(s.members)), 0.0
	for name := range s.members {
		worst = max(worst, served[name]/even-1, 1-served[name]/even)
	}
	if worst > tolerance || len(served) != len(s.members) {
		s.Errorf("%s: the replicas serve %v objects, want %.0f each", s.what, served, even)
	}
	s.Logf("%s: %d replicas are within %.1f %% of their even part", s.what, len(served), 100*worst)
}

// moved expects that no objects have another owner than before but those of the replica that left, or the part of one that came, and
// what bounded loads cost: a tenth of all at most.
func (s *simulation) moved(before map[types.UID]string, left string, came float64) {
	s.Helper()
	least, moved := came*objects, 0.0
	for uid, owner := range s.owners() {
		if before[uid] == left {
			least++
		}
		if before[uid] != owner {
			moved++
		}
	}
	if moved < 0.95*least || moved > least+objects/10 {
		s.Errorf("%s: %.0f objects have moved, want %.0f and a few", s.what, moved, least)
	}
	s.Logf("%s: %.1f %% of the objects have moved, where %.1f %% must", s.what, 100*moved/objects, 100*least/objects)
}

// same expects that all objects have the owners that they had.
func (s *simulation) same(before map[types.UID]string) {
	s.Helper()
	if now := s.owners(); !maps.Equal(now, before) {
		s.Errorf("%s: objects have other owners than before", s.what)
	}
}
