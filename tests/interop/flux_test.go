package interop

import (
	"testing"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"
	"sigs.k8s.io/yaml"
)

// TestHealthForFlux evaluates the expressions of flux-kustomization.yaml by Flux's rules
// (https://fluxcd.io/flux/components/kustomize/kustomizations/#health-check-expressions): an edit that was not observed yet is in
// progress, then inProgress, failed and current are asked in this order, and what cannot be evaluated is waited for.
func TestHealthForFlux(t *testing.T) {
	var kustomization struct {
		Spec struct {
			HealthCheckExprs []struct{ Kind, InProgress, Failed, Current string }
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "flux-kustomization.yaml")), &kustomization); err != nil {
		t.Fatal(err)
	}
	if n := len(kustomization.Spec.HealthCheckExprs); n != 1 {
		t.Fatalf("%d kinds have expressions", n)
	}
	expressions := kustomization.Spec.HealthCheckExprs[0]
	env, err := cel.NewEnv(cel.HomogeneousAggregateLiterals(), cel.EagerlyValidateDeclarations(true), cel.DefaultUTCTimeZone(true),
		cel.CrossTypeNumericComparisons(true), cel.OptionalTypes(), ext.Strings(), ext.Sets(), ext.Encoders())
	if err != nil {
		t.Fatal(err)
	}
	holds := func(t *testing.T, expression string, object map[string]any) bool {
		t.Helper()
		if expression == "" {
			return false
		}
		parsed, issues := env.Parse(expression)
		if issues.Err() != nil {
			t.Fatal(issues.Err())
		}
		program, err := env.Program(parsed)
		if err != nil {
			t.Fatal(err)
		}
		value, _, err := program.Eval(object)
		if err != nil {
			return false
		}
		is, isBool := value.Value().(bool)
		if !isBool {
			t.Fatalf("%s is no condition", expression)
		}
		return is
	}
	for name, o := range statuses() {
		t.Run(name, func(t *testing.T) {
			object := o.parse(t)
			status, _ := object["status"].(map[string]any)
			metadata, _ := object["metadata"].(map[string]any)
			got := "InProgress"
			switch {
			case status["observedGeneration"] != nil && status["observedGeneration"] != metadata["generation"]:
			case holds(t, expressions.InProgress, object):
			case holds(t, expressions.Failed, object):
				got = "Failed"
			case holds(t, expressions.Current, object):
				got = "Current"
			}
			if got != o.flux {
				t.Errorf("it is %s, not %s", got, o.flux)
			}
		})
	}
}
