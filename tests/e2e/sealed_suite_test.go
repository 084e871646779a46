package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/tests/lab"
)

// adoptsEverywhere lets every namespace that comes take Secrets over. The suite of Sealed Secrets makes namespaces itself, for a controller
// that takes over wherever a Secret asks for it.
const adoptsEverywhere = `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: adopts-everywhere}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [namespaces]}]
  failurePolicy: Fail
  reinvocationPolicy: Never
  mutations:
    - patchType: ApplyConfiguration
      applyConfiguration:
        expression: 'Object{metadata: Object.metadata{annotations: {"secretgate.io/permit-adopt": "true"}}}'
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: adopts-everywhere}
spec: {policyName: adopts-everywhere}
`

// differsFromSuite are the specs that fail against us, each with its reason.
func differsFromSuite() map[string]string {
	const label = "the labels are compared as a whole, and ours is among them: by it, a Secret that is edited by hand is seen"
	return map[string]string{
		"Secret already exists With managed annotation":         label,
		"Secret already exists With managed and patch":          label,
		"Secret already exists With patch annotation should":    label,
		"Secret already exists With patch annotation and empty": label,
	}
}

// mayDifferFromSuite are the specs that delete a Secret of another client, and pass where they look before the syncer has made its own: it
// does so as soon as the name is free, and theirs has given up by then.
func mayDifferFromSuite() []string {
	return []string{
		"Secret Recreation With unowned secret without managed annotation should not recreate",
		"Secret Recreation With unowned secret with patch annotation should not recreate",
	}
}

// TestSuiteOfSealedSecrets runs the integration suite of Sealed Secrets, as its authors publish it, with their kubeseal against both
// services. What it leaves out is the spec of the version that their controller prints.
func TestSuiteOfSealedSecrets(t *testing.T) {
	t.Parallel()
	if theLab.Oldest {
		t.Skip("Kubernetes 1.30 has no MutatingAdmissionPolicy, by which the namespaces of the suite permit what it expects")
	}
	s := newSealedSite(t)
	s.kubectl.MustApply(t, "", adoptsEverywhere)
	report := filepath.Join(t.TempDir(), "report.json")
	cmd := exec.CommandContext(t.Context(), tool(t, s.lab, "sealed-secrets-suite"), "-ginkgo.no-color", "-ginkgo.json-report="+report,
		"-ginkgo.skip=controller --version", "-kubeconfig="+s.lab.Kubeconfig, "-namespace="+lab.Namespace,
		"-kubeseal-bin="+tool(t, s.lab, "kubeseal"))
	cmd.Env = []string{"HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir(), "SEALED_SECRETS_CONTROLLER_NAMESPACE=" + lab.Namespace}
	said, err := cmd.CombinedOutput() // it fails where a spec does, which the report says, too
	outcomes := outcomesOf(t, report)
	if len(outcomes) < 40 {
		t.Fatalf("%d specs have run (%v), want 40 and more: %s", len(outcomes), err, said)
	}
	failed := map[string]string{}
	for spec, failure := range outcomes {
		of := func(known string) bool { return strings.HasPrefix(spec, "create "+known) }
		if failure == "" || slices.ContainsFunc(mayDifferFromSuite(), of) {
			continue
		}
		failed[spec] = failure
		for known, reason := range differsFromSuite() {
			if of(known) {
				delete(failed, spec)
				failed[known] = reason
			}
		}
	}
	t.Logf("%d of %d specs pass", passed(outcomes), len(outcomes))
	if diff := cmp.Diff(differsFromSuite(), failed); diff != "" {
		t.Errorf("specs that fail (-known, with a reason +found):\n%s", diff)
	}
	s.showsNothing(t)
}

// passed counts the specs that failed with nothing.
func passed(outcomes map[string]string) (n int) {
	for _, failure := range outcomes {
		if failure == "" {
			n++
		}
	}
	return n
}

// outcomesOf reads from a report of ginkgo what each spec that ran failed with; nothing where it passed.
func outcomesOf(t *testing.T, report string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var suites []struct {
		SpecReports []struct {
			ContainerHierarchyTexts []string
			LeafNodeText            string
			State                   string
			Failure                 struct{ Message string }
		}
	}
	if err := json.Unmarshal(text, &suites); err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]string{}
	for _, suite := range suites {
		for _, spec := range suite.SpecReports {
			name := strings.Join(append(slices.Clone(spec.ContainerHierarchyTexts), spec.LeafNodeText), " ")
			switch spec.State {
			case "passed":
				outcomes[name] = ""
			case "skipped", "pending":
			default:
				outcomes[name] = spec.State + ": " + spec.Failure.Message
			}
		}
	}
	return outcomes
}
