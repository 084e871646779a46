package check

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestANamespaceThatIsNotKnownIsSaidOnceAndLast(t *testing.T) {
	object := func(name, namespace string) string { return fmt.Sprintf(permitted, "-"+name+namespace) + "---\n" }
	path := file(t, "a.yaml", object("1", ", namespace: core")+object("2", "")+object("3", ", namespace: core")+object("4", ", namespace: default")+
		strings.Replace(object("5", ", namespace: core"), "vaultRole", "region: x, vaultRole", 1))
	const unknown, learn = "is not known, and its annotations are the policy of ", " objects: name the file of its manifest (--namespaces), or a cluster that has it (--kubeconfig)"
	const gone, create = "does not exist in the cluster, and its annotations are the policy of ", " objects: create it first, or name the file of its manifest (--namespaces)"
	const unnamed = ", or say where objects will be that name no namespace (--namespace)"
	const without = ", or do without (--unknown-namespace=allow)"
	answers := func(err error) Live {
		return func(context.Context, string) (map[string]string, bool, error) { return nil, false, err }
	}
	const region = "24: warning: core/a-5: spec.region: has no meaning for backendType vault and is ignored"
	for name, tc := range map[string]struct {
		checker Checker
		want    []string
	}{
		"no namespace is given": {Checker{}, []string{region,
			`3: error: core/a-1: metadata.namespace: namespace "core" ` + unknown + "3" + learn + without,
			`8: error: default/a-2: metadata.namespace: namespace "default" ` + unknown + "2" + learn + unnamed + without,
		}},
		"a warning is enough": {Checker{UnknownNamespace: UnknownWarns, Namespace: "core"}, []string{region,
			`3: warning: core/a-1: metadata.namespace: namespace "core" ` + unknown + "4" + learn + unnamed + without,
			`18: warning: default/a-4: metadata.namespace: namespace "default" ` + unknown + "1" + strings.Replace(learn, "objects", "object", 1) + without,
		}},
		"the cluster has none of them": {Checker{Live: answers(nil)}, []string{region,
			`3: error: core/a-1: metadata.namespace: namespace "core" ` + gone + "3" + create,
			`8: error: default/a-2: metadata.namespace: namespace "default" ` + gone + "2" + create + unnamed,
		}},
		"the cluster does not answer": {Checker{Live: answers(errors.New("timeout"))}, []string{region,
			`3: error: core/a-1: metadata.namespace: namespace "core" cannot be read, and its annotations are the policy of 3 objects: timeout`,
			`8: error: default/a-2: metadata.namespace: namespace "default" cannot be read, and its annotations are the policy of 2 objects: timeout`,
		}},
		"matching is compared": {Checker{CompareMatching: true}, []string{
			`3: error: core/a-1: metadata.namespace: namespace "core" ` + unknown + "3" + learn + without,
			`8: error: default/a-2: metadata.namespace: namespace "default" ` + unknown + "2" + learn + unnamed + without,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range run(t, &tc.checker, path).Findings {
				got = append(got, fmt.Sprintf("%d: %s: %s: %s", f.Line, f.Severity, f.Object, f.text()))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}
