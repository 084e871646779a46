package membership

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/syncer/internal/shard/ring"
	"github.com/secretgate/secretgate/syncer/internal/shard/shardtest"
)

func TestMembersAtRestRenewTheirLeasesAndRequestNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := shardtest.NewLeases(t)
		a, b, c := join(t, l, "ring", "a"), join(t, l, "ring", "b"), join(t, l, "ring", "c")
		after(time.Second)
		shares(t, a, b, c)
		requests := map[string]int{}
		l.FailWith(func(verb string) error { requests[verb]++; return nil })
		after(time.Minute)
		l.FailWith(nil)
		if diff := cmp.Diff(map[string]int{"update": 3 * 12}, maps.Clone(requests)); diff != "" {
			t.Errorf("requests within a minute (-want +got):\n%s", diff)
		}
	})
}

func TestOldOwnerStopsBeforeTheNewOneStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := shardtest.NewLeases(t)
		a := join(t, l, "ring", "a")
		synctest.Wait()
		shares(t, a)
		b := join(t, l, "ring", "b")
		synctest.Wait()
		want := ring.Assign([]string{leaseName("ring", "a"), leaseName("ring", "b")}).Share(leaseName("ring", "a"))
		if a.owns() != want || b.told > 0 {
			t.Errorf("when b has joined a owns %.2f of the space, and b was told %d times what it owns", a.owns().Ratio(), b.told)
		}
		if got := testutil.ToFloat64(a.Metrics.owned); got != want.Ratio() {
			t.Errorf("the metric of a says that it owns %v", got)
		}
		after(handOver)
		shares(t, a, b)
	})
}

func TestReplicaThatStopsOwnsNothingBeforeItsLeaseGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := shardtest.NewLeases(t)
		held := -1 // Leases when a was told that it owns nothing
		a := joinBy(t, &cable{Leases: l}, "ring", "a", func(share ring.Share) {
			if share == (ring.Share{}) {
				held = len(l.Keys())
			}
		})
		synctest.Wait()
		a.stop()
		if held != 1 || len(l.Keys()) != 0 {
			t.Errorf("there were %d Leases when it stopped serving, want 1, and %d afterwards, want 0", held, len(l.Keys()))
		}
	})
}

func TestLeaseThatAnotherClientDeletesIsMadeAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := shardtest.NewLeases(t)
		a, b := join(t, l, "ring", "a"), join(t, l, "ring", "b")
		after(handOver)
		shares(t, a, b)
		told := a.told + b.told
		if err := l.Delete(t.Context(), leaseName("ring", "b"), metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := len(l.Keys()); got != 2 {
			t.Errorf("there are %d Leases", got)
		}
		after(time.Minute)
		shares(t, a, b)
		if got := a.told + b.told - told; got != 0 {
			t.Errorf("they were told %d times what they own: nothing has changed", got)
		}
	})
}
