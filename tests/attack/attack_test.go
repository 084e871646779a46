package attack

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/backend"
	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
)

// TestPlanAndPolicyDenyEveryAttack is what both services rely on; the region is the lab's.
func TestPlanAndPolicyDenyEveryAttack(t *testing.T) {
	t.Parallel()
	if n := len(All()); n < 50 {
		t.Errorf("only %d attacks", n)
	}
	names := map[string]bool{}
	for _, a := range All() {
		if names[a.Name] {
			t.Errorf("two attacks are called %q", a.Name)
		}
		names[a.Name] = true
		t.Run(a.Name, func(t *testing.T) {
			t.Parallel()
			manifest, err := a.Manifest("attack")
			if err != nil {
				t.Fatal(err)
			}
			raw, err := json.Marshal(manifest)
			if err != nil {
				t.Fatal(err)
			}
			es := &apiv1.ExternalSecret{}
			if err := json.Unmarshal(raw, es); err != nil {
				t.Fatal(err)
			}
			errs, _ := Judge(es, "core", a.Guard, backend.Defaults{Region: "us-west-2"})
			if len(errs) == 0 {
				t.Fatal("it was allowed")
			}
			if said := errs.ToAggregate().Error(); !strings.Contains(said, a.Denied) {
				t.Errorf("it was denied for another reason than %q: %.600s", a.Denied, said)
			}
		})
	}
}
