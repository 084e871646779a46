package check

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/policy"
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
		return func(context.Context, string) (policy.Namespace, bool, error) { return policy.Namespace{}, false, err }
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

func TestANamespaceThatIsNoInputIsWarnedOfOnce(t *testing.T) {
	object := func(name string) string { return fmt.Sprintf(permitted, name+", namespace: core") + "---\n" }
	path := file(t, "a.yaml", object("1")+object("2"))
	inFile := file(t, "core.yaml", `{apiVersion: v1, kind: Namespace, metadata: {name: core, annotations: {`+names.AnnotationPermittedKeyName+`: "secret/data/core/*"}}}`)
	const glob = "annotation " + names.AnnotationPermittedKeyName + `: line 1 "secret/data/core/*" looks like a glob: in a regular expression * repeats ` +
		`the "/" before it; write .* for any text`
	const whole = "KES's matching permits it (a pattern may match anywhere in a value, an empty annotation permits all), ours does not: "
	const denied = `error: spec.data[0].key: ` + whole + `Forbidden: "secret/data/core/db" is not permitted in namespace "core": annotation ` +
		names.AnnotationPermittedKeyName + ` allows "secret/data/core/*"`
	live := func(annotation, value string) Live {
		return func(context.Context, string) (policy.Namespace, bool, error) {
			return policy.Namespace{Annotations: map[string]string{annotation: value}}, true, nil
		}
	}
	for name, tc := range map[string]struct {
		checker Checker
		want    []string
	}{
		"a policy that never applies": {Checker{Live: live("externalsecrets.kubernetes-client.io/permitted-keyname", "x")}, []string{
			`warning: metadata.namespace: namespace "core": annotation externalsecrets.kubernetes-client.io/permitted-keyname means nothing to ` +
				`Secretgate and limits nothing: did you mean externalsecrets.kubernetes-client.io/permitted-key-name?`}},
		"a glob, where matching is compared": {Checker{CompareMatching: true, Settings: policy.Settings{Legacy: true}, Live: live(names.AnnotationPermittedKeyName, "secret/data/core/*")},
			[]string{denied, denied, `warning: metadata.namespace: namespace "core": ` + glob}},
		"a glob in a file, where matching is compared": {Checker{CompareMatching: true, NamespaceFiles: []string{inFile}},
			[]string{denied, denied, `warning: metadata.namespace: namespace "core": ` + glob}},
		"nothing to say": {Checker{Live: live(names.AnnotationPermittedKeyName, "secret/data/core/.*")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range run(t, &tc.checker, path).Findings {
				got = append(got, string(f.Severity)+": "+f.text())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("a glob in a file that is checked, where matching is compared", func(t *testing.T) {
		findings := run(t, &Checker{CompareMatching: true}, inFile).Findings
		if len(findings) != 1 || findings[0].text() != "metadata.annotations: "+glob || findings[0].Severity != Warning {
			t.Errorf("got %v, want %s", findings, glob)
		}
	})
}
