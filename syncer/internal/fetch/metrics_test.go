package fetch

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTheMetricsOfSeveralEnginesAreAdded(t *testing.T) {
	sum := snapshot{sources: map[string]int{}, breakers: map[string]int{}}
	sum.add(snapshot{
		sources: map[string]int{"vault": 2, "azureKeyVault": 1}, breakers: map[string]int{"vault": 1},
		waiting: [2]int{1, 2}, calls: 3, holding: 4, overdue: time.Second,
	})
	sum.add(snapshot{sources: map[string]int{"vault": 5}, breakers: map[string]int{}, waiting: [2]int{10, 20}, calls: 30, holding: 40, overdue: time.Minute, stalled: true})
	sum.add(snapshot{})
	want := snapshot{
		sources: map[string]int{"vault": 7, "azureKeyVault": 1}, breakers: map[string]int{"vault": 1, "azureKeyVault": 0},
		waiting: [2]int{11, 22}, calls: 33, holding: 44, overdue: time.Minute, stalled: true,
	}
	if diff := cmp.Diff(want, sum, cmp.AllowUnexported(snapshot{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
