package membership

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/syncer/internal/shard/ring"
	"github.com/secretgate/secretgate/syncer/internal/shard/shardtest"
)

// replica is a member of a test's ring.
type replica struct {
	*Membership
	log  *logged
	way  *cable
	tell func(ring.Share) // see joinBy
	stop func()           // as SIGTERM does
	kill func()           // as SIGKILL does: it has no chance to do anything

	mu    sync.Mutex
	dead  bool
	told  int // how often it was told what it owns
	owned ring.Share
}

func (r *replica) own(share ring.Share) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead {
		return
	}
	r.told++
	r.owned = share
	if r.tell != nil {
		r.tell(share)
	}
}

// owns is what the replica owns; nothing where that is not known.
func (r *replica) owns() ring.Share {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.owned
}

type logged struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

// count is how often the log has a text.
func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.String(), text)
}

// cable is the way from a replica to the API server; once cut nothing passes.
type cable struct {
	shardtest.Leases
	delay func() time.Duration // of each event of a watch; nil: none is late
	mu    sync.Mutex
	cut   error
}

func (c *cable) broken() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut
}

func (c *cable) Create(ctx context.Context, l *coordinationv1.Lease, o metav1.CreateOptions) (*coordinationv1.Lease, error) {
	if err := c.broken(); err != nil {
		return nil, err
	}
	return c.Leases.Create(ctx, l, o)
}

func (c *cable) Update(ctx context.Context, l *coordinationv1.Lease, o metav1.UpdateOptions) (*coordinationv1.Lease, error) {
	if err := c.broken(); err != nil {
		return nil, err
	}
	return c.Leases.Update(ctx, l, o)
}

func (c *cable) Delete(ctx context.Context, name string, o metav1.DeleteOptions) error {
	if err := c.broken(); err != nil {
		return err
	}
	return c.Leases.Delete(ctx, name, o)
}

func (c *cable) List(ctx context.Context, o metav1.ListOptions) (*coordinationv1.LeaseList, error) {
	if err := c.broken(); err != nil {
		return nil, err
	}
	return c.Leases.List(ctx, o)
}

// breaks cuts the cable, or repairs it (nil).
func (c *cable) breaks(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = err
}

func join(t *testing.T, l shardtest.Leases, ringName, name string) *replica {
	t.Helper()
	return joinBy(t, &cable{Leases: l}, ringName, name, nil)
}

// joinBy joins a ring by a cable. tell is called with what the replica owns; nil: no function is.
func joinBy(t *testing.T, way *cable, ringName, name string, tell func(ring.Share)) *replica {
	t.Helper()
	log := &logged{}
	r := &replica{log: log, way: way, tell: tell}
	r.Membership = &Membership{Leases: way, Namespace: "secretgate", Ring: ringName, Replica: name, Own: r.own,
		Log: slog.New(slog.NewTextHandler(log, nil)), Metrics: NewMetrics()}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	r.stop = func() { cancel(); <-done; synctest.Wait() }
	r.kill = func() {
		r.mu.Lock()
		r.dead = true
		r.mu.Unlock()
		way.breaks(fmt.Errorf("dead"))
		r.stop()
	}
	t.Cleanup(r.stop)
	return r
}

// after lets the bubble's time pass.
func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// shares wants each replica to have its share of a ring of these members, and they together everything.
func shares(t *testing.T, replicas ...*replica) {
	t.Helper()
	var members []string
	for _, r := range replicas {
		members = append(members, leaseName(r.Ring, r.Replica))
	}
	for _, r := range replicas {
		got, want := r.owns(), ring.Assign(members).Share(leaseName(r.Ring, r.Replica))
		if r.told == 0 || got != want {
			t.Errorf("%s owns %.2f of the space (told %d times), not its part of %v", r.Replica, got.Ratio(), r.told, members)
		}
		if got := testutil.ToFloat64(r.Metrics.members); int(got) != len(replicas) {
			t.Errorf("%s counts %v members", r.Replica, got)
		}
		if got := testutil.ToFloat64(r.Metrics.owned); got != want.Ratio() {
			t.Errorf("the metric of %s says that it owns %v", r.Replica, got)
		}
		if err := r.Ready(nil); err != nil {
			t.Errorf("%s is not ready: %v", r.Replica, err)
		}
	}
}
