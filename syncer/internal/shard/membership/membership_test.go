package membership

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/secretgate/secretgate/syncer/internal/shard/lease"
	"github.com/secretgate/secretgate/syncer/internal/shard/ring"
	"github.com/secretgate/secretgate/syncer/internal/shard/shardtest"
)

func TestReplicasComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := shardtest.NewLeases(t)
		a := join(t, l, "ring", "a")
		synctest.Wait()
		shares(t, a) // at once: a restart waits for no other replica
		b := join(t, l, "ring", "b")
		after(handOver)
		shares(t, a, b)
		c, other := join(t, l, "ring", "c"), join(t, l, "other", "a")
		after(handOver)
		shares(t, a, b, c)
		shares(t, other)
		after(time.Hour)
		shares(t, a, b, c)

		b.stop() // its Lease goes, and no replica waits for its end
		after(handOver)
		shares(t, a, c)
		if got := len(l.Keys()); got != 3 {
			t.Errorf("there are %d Leases", got)
		}
		if got := testutil.ToFloat64(a.Metrics.changes); got != 4 {
			t.Errorf("the ring changed %v times", got)
		}
	})
}

func TestDeadReplicaIsMissedWhenItsLeaseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := shardtest.NewLeases(t)
		a, b := join(t, l, "ring", "a"), join(t, l, "ring", "b")
		after(lease.RenewEvery + time.Second)
		shares(t, a, b)
		b.kill()
		after(lease.Duration - lease.RenewEvery)
		shares(t, a, b) // it might live
		after(lease.RenewEvery + handOver)
		shares(t, a)
		if got := len(l.Keys()); got != 2 {
			t.Errorf("there are %d Leases", got)
		}
		after(time.Minute)
		if got := len(l.Keys()); got != 1 {
			t.Errorf("there are %d Leases: a dead replica's is deleted after a minute", got)
		}
	})
}

// The others know already that it is dead, and have left the newcomer its part of what the dead one owned.
func TestNewcomerSoonSeesThatAReplicaIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := shardtest.NewLeases(t)
		a, b := join(t, l, "ring", "a"), join(t, l, "ring", "b")
		after(lease.RenewEvery + time.Second)
		b.kill()
		after(lease.Duration + handOver)
		shares(t, a)
		c := join(t, l, "ring", "c")
		after(lease.StaleAfter + 2*handOver)
		shares(t, a, c)
	})
}

func TestRestartedReplicaGoesOnWithItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := shardtest.NewLeases(t)
		a, b := join(t, l, "ring", "a"), join(t, l, "ring", "b")
		after(handOver)
		shares(t, a, b)
		before := testutil.ToFloat64(a.Metrics.changes)
		b.kill()
		after(3 * time.Second)
		again := join(t, l, "ring", "b")
		synctest.Wait()
		shares(t, a, again)
		after(time.Minute)
		shares(t, a, again)
		if got := testutil.ToFloat64(a.Metrics.changes) - before; got != 0 {
			t.Errorf("the ring changed %v times: no other replica should notice", got)
		}
		if again.log.count("another process") > 0 {
			t.Error("the dead process is taken for a duplicate holder")
		}
	})
}

func TestTwoReplicasOfOneNameAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := shardtest.NewLeases(t)
		a, twin := join(t, l, "ring", "a"), join(t, l, "ring", "a")
		after(time.Minute)
		shares(t, a)
		shares(t, twin)
		if n := a.log.count("--replica-name"); n != 1 {
			t.Errorf("it is said %d times", n)
		}
		twin.stop() // the Lease may be the other's
		after(2 * lease.RenewEvery)
		shares(t, a)
	})
}

func TestReplicaThatIsCutOffStopsBeforeTheOthersTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := shardtest.NewLeases(t)
		a, b := join(t, l, "ring", "a"), join(t, l, "ring", "b")
		after(lease.RenewEvery + time.Second)
		shares(t, a, b)
		way, _ := b.Leases.(*cable)
		way.breaks(fmt.Errorf("no answer"))
		after(suspendAfter + handOver)
		if b.owns() != (ring.Share{}) || b.Ready(nil) == nil || b.log.count("serves nothing") != 1 || testutil.ToFloat64(b.Metrics.suspended) != 1 {
			t.Errorf("b still owns %v, ready: %v", b.owns().Ratio(), b.Ready(nil))
		}
		if got := testutil.ToFloat64(b.Metrics.renewFailures); got == 0 {
			t.Error("no failure was counted")
		}
		if a.owns() == ring.Whole() {
			t.Error("a took over before b's Lease ended")
		}
		after(lease.Duration)
		shares(t, a)
		way.breaks(nil)
		after(2 * retryEvery)
		shares(t, a, b)
		if got := testutil.ToFloat64(b.Metrics.suspended); got != 0 {
			t.Errorf("suspended is %v", got)
		}
	})
}

// When the API server comes back, no replica takes the others' Leases for expired.
func TestOutageOfTheAPIServerLeavesTheRingAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := shardtest.NewLeases(t)
		a, b, c := join(t, l, "ring", "a"), join(t, l, "ring", "b"), join(t, l, "ring", "c")
		after(time.Minute)
		l.FailWith(func(string) error { return fmt.Errorf("no answer") })
		after(5 * time.Minute)
		for _, r := range []*replica{a, b, c} {
			if r.owns() != (ring.Share{}) {
				t.Errorf("%s serves", r.Replica)
			}
			if n := r.log.count("it is tried again"); n != 1 {
				t.Errorf("%s says %d times that it cannot renew", r.Replica, n)
			}
		}
		l.FailWith(nil)
		before := testutil.ToFloat64(a.Metrics.changes)
		after(5 * time.Second)
		shares(t, a, b, c)
		if got := testutil.ToFloat64(a.Metrics.changes) - before; got != 1 {
			t.Errorf("the ring changed %v times", got)
		}
	})
}

func TestReplicaThatCanHaveNoLeaseRunsAlone(t *testing.T) {
	leasesResource := schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}
	for name, refuse := range map[string]func(verb string) error{
		"the namespace does not exist": func(verb string) error {
			if verb == "create" {
				return apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "secretgate")
			}
			return nil
		},
		"it has no rights": func(string) error { return apierrors.NewForbidden(leasesResource, "", fmt.Errorf("no")) },
		"it may not see the others": func(verb string) error {
			if verb == "list" {
				return apierrors.NewForbidden(leasesResource, "", fmt.Errorf("no"))
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := shardtest.NewLeases(t)
				l.FailWith(refuse)
				a := join(t, l, "ring", "a")
				after(time.Hour)
				if a.owns() != ring.Whole() || testutil.ToFloat64(a.Metrics.alone) != 1 || a.Ready(nil) != nil {
					t.Errorf("it owns %v; ready: %v", a.owns().Ratio(), a.Ready(nil))
				}
				if n := a.log.count("--lease-namespace"); n != 1 {
					t.Errorf("the remedy is named %d times", n)
				}
				if a.log.count("error=<nil>") > 0 {
					t.Error("the reason is not named")
				}
				if n := strings.Count(a.log.String(), "\n"); n != 1 {
					t.Errorf("the log has %d lines:\n%s", n, a.log.String())
				}
				l.FailWith(nil) // the namespace was created, or the right granted
				b := join(t, l, "ring", "b")
				after(refusedEvery + handOver)
				shares(t, a, b)
				if testutil.ToFloat64(a.Metrics.alone) != 0 {
					t.Error("the metric says that it is alone")
				}
			})
		})
	}
}

func TestServerThatDoesNotAnswerIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := shardtest.NewLeases(t)
		l.FailWith(func(string) error { return fmt.Errorf("no answer") })
		a := join(t, l, "ring", "a")
		after(time.Minute)
		if err := a.Ready(nil); err == nil || !strings.Contains(err.Error(), "no answer") {
			t.Errorf("ready: %v", err)
		}
		if a.told > 0 {
			t.Error("it owns something")
		}
		l.FailWith(nil)
		after(2 * retryEvery)
		shares(t, a)
	})
}

// An API server that starts may refuse what it permits a moment later.
func TestPassingRefusalChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := shardtest.NewLeases(t)
		a, b := join(t, l, "ring", "a"), join(t, l, "ring", "b")
		after(handOver)
		before := testutil.ToFloat64(a.Metrics.changes)
		l.FailWith(func(string) error { return apierrors.NewForbidden(l.Resource, "", fmt.Errorf("not yet")) })
		after(suspendAfter / 2)
		l.FailWith(nil)
		after(time.Minute)
		shares(t, a, b)
		if got := testutil.ToFloat64(a.Metrics.changes) - before; got != 0 {
			t.Errorf("the ring changed %v times", got)
		}
	})
}

func TestReplicasThatStartTogetherSettleOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := shardtest.NewLeases(t)
		var all []*replica
		for i := range 8 {
			all = append(all, join(t, l, "ring", fmt.Sprint("r", i)))
			after(20 * time.Millisecond)
		}
		after(handOver)
		shares(t, all...)
		if got := testutil.ToFloat64(all[0].Metrics.changes); got != 2 {
			t.Errorf("the ring changed %v times", got)
		}
	})
}
