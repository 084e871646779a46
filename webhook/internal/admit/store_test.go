package admit

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
)

func TestStoresAreJudgedWhenTheyAreApplied(t *testing.T) {
	role := func(role string) string { return strings.Replace(account, "ROLE", role, 1) }
	const denied = `"prod" is not permitted in namespace "core": annotation iam.amazonaws.com/permitted allows "core"`
	const keeps = "spec.serviceAccountRef: the webhook may not read ServiceAccount core/reader: what depends on it is judged by the syncer alone, " +
		"unless the webhook's ClusterRole allows get on serviceaccounts"
	for name, c := range map[string]struct {
		cluster    []string
		keeps      string // a kind that may not be read
		write, old string
		denied     []string // texts of the message; none: it is allowed
		warnings   []string
	}{
		"a store that its namespace permits":       {cluster: []string{aNamespace}, write: aStore("core")},
		"a store that its namespace does not":      {cluster: []string{aNamespace}, write: aStore("prod"), denied: []string{"spec.role: Forbidden: " + denied}},
		"a store that is wrong, and not permitted": {cluster: []string{aNamespace}, write: strings.Replace(aStore("prod"), "mount: jwt, ", "", 1), denied: []string{"spec.mount: Required value"}},
		"all that is wrong with a store": {
			cluster: []string{aNamespace}, write: strings.Replace(strings.Replace(aStore("core"), "mount: jwt, ", "", 1), "//vault", "//Vault/", 1),
			denied: []string{"spec.mount: Required value", "spec.server: Invalid value"},
		},
		"a store of the cluster, which each namespace judges for itself": {cluster: []string{aNamespace}, write: aShared("prod", "[]")},
		"a store of the cluster that is wrong": {
			write:  aShared("prod", `[{namespaceRegexes: ["("]}]`),
			denied: []string{`spec.conditions[0].namespaceRegexes[0]: Invalid value: "(": must be a regular expression`},
		},
		"a role by annotation that is permitted": {cluster: []string{aNamespace, role("core")}, write: byAnnotation},
		"a role by annotation that is not": {
			cluster: []string{aNamespace, role("prod")}, write: byAnnotation, denied: []string{"spec.serviceAccountRef.roleAnnotation: Forbidden: " + denied},
		},
		"a role by annotation that is not there yet": {
			cluster: []string{aNamespace}, write: byAnnotation,
			warnings: []string{"spec.serviceAccountRef: there is no ServiceAccount core/reader yet: what depends on it is judged by the syncer once it exists"},
		},
		"a role by annotation that may not be read": {cluster: []string{aNamespace, role("prod")}, keeps: "ServiceAccount", write: byAnnotation, warnings: []string{keeps}},
		"an object whose store names a role by annotation": {
			cluster: []string{aNamespace, role("prod"), byAnnotation}, write: aProbe("core", "db", vaultRef),
			denied: []string{"ProbeStore[vault].spec.serviceAccountRef.roleAnnotation: Forbidden: " + denied},
		},
		"an object whose store names a role by annotation that may not be read": {
			cluster: []string{aNamespace, role("prod"), byAnnotation}, keeps: "ServiceAccount", write: aProbe("core", "db", vaultRef),
			warnings: []string{"ProbeStore[vault]." + keeps},
		},
		"an object whose store may not be read": {
			cluster: []string{aNamespace}, keeps: "ProbeStore", write: aProbe("core", "db", vaultRef),
			denied: []string{"the webhook may not read ProbeStore core/vault, to which the object refers"},
		},
		"an object whose store is not there yet": {
			cluster: []string{aNamespace}, write: aProbe("core", "db", sharedRef),
			warnings: []string{"spec.storeRef: there is no ClusterProbeStore shared yet: reads through it are judged once it exists"},
		},
		"an object that a store of the cluster does not admit": {
			cluster: []string{aNamespace, aShared("core", "[{namespaces: [prod]}]")}, write: aProbe("core", "db", sharedRef),
			denied: []string{`spec.storeRef: Forbidden: ClusterProbeStore shared admits other namespaces only, and not "core"`},
		},
		"an object that a store of the cluster admits by a label": {
			cluster: []string{aNamespace, aShared("core", "[{namespaceSelector: {matchLabels: {team: core}}}]")}, write: aProbe("core", "db", sharedRef),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(t, probeValidator(t, c.keeps, c.cluster...), c.write, c.old)
			if got.Allowed != (len(c.denied) == 0) {
				t.Errorf("got allowed: %t, with %q", got.Allowed, got.Result.Message)
			}
			for _, want := range c.denied {
				if !strings.Contains(got.Result.Message, want) {
					t.Errorf("got the message %q, want %q in it", got.Result.Message, want)
				}
			}
			if diff := cmp.Diff(c.warnings, got.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAStoreWarnsOfStoredObjectsThatItForbids(t *testing.T) {
	forbids := func(kind string, n int) string {
		return fmt.Sprintf("this %s forbids %s not forbidden before; refreshes of them end, their Secrets stay", kind, tally{kind: "Probe"}.count(n))
	}
	for name, c := range map[string]struct {
		cluster    []string
		write, old string
		warnings   []string
	}{
		"a store that comes after its object": {
			cluster: []string{aNamespace, another, aProbe("core", "db", sharedRef), aProbe("prod", "db", sharedRef), aProbe("core", "other", vaultRef)},
			write:   aShared("prod", "[]"), warnings: []string{forbids("ClusterProbeStore", 1), "Probe core/db: ClusterProbeStore[shared].spec.role"},
		},
		"a store that changes": {
			cluster: []string{aNamespace, another, aShared("core", "[]"), aProbe("core", "a", sharedRef), aProbe("core", "b", sharedRef), aProbe("prod", "c", sharedRef)},
			write:   aShared("root", "[]"), old: aShared("core", "[]"),
			warnings: []string{
				forbids("ClusterProbeStore", 2) + " (1 more were forbidden already)",
				"Probe core/a: ClusterProbeStore[shared].spec.role", "Probe core/b: ClusterProbeStore[shared].spec.role",
			},
		},
		"a store that no longer admits a namespace": {
			cluster: []string{aNamespace, another, aShared("core", "[]"), aProbe("core", "a", sharedRef)},
			write:   aShared("core", "[{namespaces: [prod]}]"), old: aShared("core", "[]"),
			warnings: []string{forbids("ClusterProbeStore", 1), "Probe core/a: spec.storeRef"},
		},
		"a store that is made again, though the cache still has the one that was deleted": {
			cluster: []string{aNamespace, aShared("root", "[]"), aProbe("core", "a", sharedRef)}, write: aShared("root", "[]"),
			warnings: []string{forbids("ClusterProbeStore", 1), "Probe core/a: ClusterProbeStore[shared].spec.role"},
		},
		"a store that permits again": {
			cluster: []string{aNamespace, aProbe("core", "a", sharedRef)}, write: aShared("core", "[]"), old: aShared("root", "[]"),
		},
		"an object of a namespace that is not known": {
			cluster: []string{aNamespace, aProbe("gone", "a", sharedRef)}, write: aShared("root", "[]"),
		},
		"a store of one namespace, and objects of that alone": {
			cluster: []string{
				strings.Replace(aNamespace, "permitted: core", `permitted: "core|root"`, 1), aProbe("core", "a", vaultRef), aProbe("prod", "a", vaultRef),
			},
			write: aStore("root"), old: aStore("core"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(t, probeValidator(t, "", c.cluster...), c.write, c.old)
			if !got.Allowed {
				t.Errorf("got a denial: %q", got.Result.Message)
			}
			if diff := cmp.Diff(c.warnings, got.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			if want := map[bool]string{true: "warned", false: "allowed"}[len(c.warnings) > 0]; got.AuditAnnotations["verdict"] != want {
				t.Errorf("the audit log gets %v, want verdict %s", got.AuditAnnotations, want)
			}
		})
	}
}

func TestNothingIsExaminedForAStoreOfWhichTheMetadataAloneChanges(t *testing.T) {
	v := probeValidator(t, "", aNamespace)
	v.Stored.Live = objects{panic: true}
	labelled := strings.Replace(aShared("root", "[]"), "metadata: {", "metadata: {labels: {a: b}, ", 1)
	if got := ask(t, v, labelled, aShared("root", "[]")); !got.Allowed || len(got.Warnings) > 0 {
		t.Errorf("got %+v, want it allowed", got)
	}
}

func TestTheEndOfAStoreIsNotJudged(t *testing.T) {
	v := probeValidator(t, "", aNamespace)
	request := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		Operation: admissionv1.Delete, Kind: ofKind(v.References.Kinds[0]), Namespace: "core", Name: "vault",
	}}
	if got := v.Handle(t.Context(), request); !got.Allowed {
		t.Errorf("got %+v, want it allowed", got.Result)
	}
}

func TestLabelsThatTakeANamespaceOutOfAStoreWarn(t *testing.T) {
	v := probeValidator(t, "", aShared("core", "[{namespaceSelector: {matchLabels: {team: core}}}]"), aProbe("core", "a", sharedRef))
	var updated metav1.PartialObjectMetadata
	if err := yaml.Unmarshal([]byte(aNamespace), &updated); err != nil {
		t.Fatal(err)
	}
	old := *updated.DeepCopy()
	updated.Labels = nil
	var got []string
	n := &NamespaceValidator{Stored: v.Stored}
	for _, found := range n.Stored.examine(t.Context(), relimited(n.limitsChanged(updated, old), updated, old)) {
		for _, one := range found.notices() {
			got = append(got, one.text)
		}
	}
	want := []string{
		"these labels forbid 1 Probe stored in namespace core that they permitted before; refreshes of them end, their Secrets stay",
		"Probe a: spec.storeRef",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if what := n.limitsChanged(old, old); what != "" {
		t.Errorf("a namespace that did not change: got %q, want nothing", what)
	}
}

// lentStores are ProbeStores that objects of other namespaces may refer to.
type lentStores struct {
	dialect.StoreKind
	dialect.Judged
}

func (lentStores) Homes() []string { return nil }

// borrowing is a kind whose objects read through stores of the namespace core.
type borrowing struct{ dialect.Kind }

func (k borrowing) References(object dialect.Object, resolved dialect.Resolved) []dialect.Reference {
	return k.Kind.References(inCore(object), resolved)
}

func (k borrowing) Plan(object dialect.Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList) {
	return k.Kind.Plan(inCore(object), resolved)
}

func inCore(object dialect.Object) dialect.Object {
	moved, _ := object.DeepCopyObject().(dialect.Object) // a copy is of the same type
	moved.SetNamespace("core")
	return moved
}

func TestAStoreThatOtherNamespacesUseWarnsOfTheirObjects(t *testing.T) {
	v := probeValidator(t, "", aNamespace, another, aProbe("core", "a", vaultRef), aProbe("prod", "b", vaultRef))
	for i, kind := range v.References.Kinds {
		if judged, ok := kind.(dialect.Judged); ok && kind.Type().Kind == "ProbeStore" {
			v.References.Kinds[i] = lentStores{kind, judged}
		}
	}
	v.Stored.References = v.References
	v.Kinds = []dialect.Kind{borrowing{v.Kinds[0]}}
	v.Stored.Kinds = v.Kinds
	got := ask(t, v, aStore("core"), "")
	want := []string{
		"this ProbeStore forbids 1 Probe not forbidden before; refreshes of them end, their Secrets stay",
		"Probe prod/b: ProbeStore[vault].spec.role",
	}
	if diff := cmp.Diff(want, got.Warnings); !got.Allowed || diff != "" {
		t.Errorf("got allowed: %t; warnings (-want +got):\n%s", got.Allowed, diff)
	}
}
