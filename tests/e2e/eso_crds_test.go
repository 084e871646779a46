package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// kindsOfESO are those of External Secrets Operator that Secretgate has, too.
var kindsOfESO = []string{"externalsecrets", "secretstores", "clustersecretstores"}

// crdsOfESO is a folder with the CRDs that External Secrets Operator itself installs.
func crdsOfESO(t *testing.T) string {
	t.Helper()
	dir := download(t, "github.com/external-secrets/external-secrets@v1.3.2", "h1:u2J8RjlHIeF0oZCqtl92adI/uZWUwOesJIDkfql6LqQ=")
	return filepath.Join(dir, "config", "crds", "bases")
}

func (s *site) addKindsOfESO(t *testing.T, folder string) {
	t.Helper()
	for _, kind := range kindsOfESO {
		s.addKind(t, filepath.Join(folder, "external-secrets.io_"+kind+".yaml"), kind+".external-secrets.io")
	}
}

// unknownToESO are examples of fields that the CRDs of External Secrets Operator 1.3 have not, with what it says of them.
func unknownToESO() map[string]string {
	return map[string]string{
		"shared":                 "spec.refreshInterval in body must be of type integer",
		"entries-and-a-template": `unknown field "spec.data[0].remoteRef.nullBytePolicy", unknown field "spec.syncWindows", unknown field "spec.target.template.templateFrom[0].valuesDecodingStrategy"`,
		"members":                `unknown field "spec.dataFrom[0].extract.nullBytePolicy", unknown field "spec.dataFrom[1].find.nullBytePolicy"`,
		"parameters":             `spec.target.creationPolicy: Unsupported value: "CreateOrMerge"`,
	}
}

// TestESOsCRDs: on the CRDs of External Secrets Operator itself, and then on ours over them, every example of the dialect is
// accepted, and a status says afterwards what it said before.
func TestESOsCRDs(t *testing.T) {
	t.Parallel()
	s := newSite(t, lab.Options{})
	const namespace = "core"
	s.kubectl.Must(t, "create", "namespace", namespace)
	for _, crds := range []struct {
		whose, folder string
		refused       map[string]string // by the names of examples
		returned      func(plan.Record) plan.Record
	}{
		{"External Secrets Operator's", crdsOfESO(t), unknownToESO(), asESOKeeps},
		{"Secretgate's", filepath.Join(s.lab.Root, "crds", "eso"), nil, func(r plan.Record) plan.Record { return r }},
	} {
		s.addKindsOfESO(t, crds.folder)
		s.acceptsExamples(t, namespace, crds.whose, crds.refused)
		for n, record := range recordsForESO() {
			want := crds.returned(record)
			if diff := cmp.Diff(want, s.returned(t, namespace, fmt.Sprint("status-", n), record)); diff != "" {
				t.Errorf("%s CRD returns another Record of reason %s (-want +got):\n%s", crds.whose, record.Reason, diff)
			}
		}
	}
}

func (s *site) acceptsExamples(t *testing.T, namespace, whose string, refused map[string]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.lab.Root, "shared", "dialect", "eso", "testdata", "examples.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	left := maps.Clone(refused)
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		var object metav1.PartialObjectMetadata
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(object.APIVersion, v1.GroupVersion.Group+"/") {
			continue
		}
		harness.Eventually(t, func() error { // the API server takes a moment to serve a CRD that has just come or changed
			_, err := s.kubectl.Apply(t.Context(), namespace, document, "--dry-run=server", "--validate=strict")
			switch want := refused[object.Name]; {
			case want == "" && err != nil:
				return fmt.Errorf("%s CRD refuses the example %s: %w", whose, object.Name, err)
			case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
				return fmt.Errorf("%s CRD: want a refusal of the example %s that says %q, got %w", whose, object.Name, want, err)
			}
			return nil
		})
		delete(left, object.Name)
	}
	if len(left) > 0 {
		t.Errorf("got no examples %q, want them", slices.Sorted(maps.Keys(left)))
	}
}

// recordsForESO are of an object that is well, of one that failed after it was well, and of one that waits.
func recordsForESO() []plan.Record {
	at := func(minutes int) time.Time { return time.Date(2026, 1, 2, 3, 4+minutes, 5, 0, time.UTC) }
	return []plan.Record{
		{
			Generation: 1, ForceSync: "1-0123456789abcdef", Secret: "db", SecretResourceVersion: "42", SecretUID: "0b0c5a1e", DataRevision: 7, LastSync: at(9), LastSuccess: at(9),
			Ready: metav1.ConditionTrue, Reason: plan.ReasonSynced, Since: at(1), Entries: []plan.EntryRecord{{Field: "spec.data[0]", Name: "a", Version: "7"}},
		},
		{
			Generation: 2, ForceSync: "2-0123456789abcdef", Secret: "db", SecretResourceVersion: "42", SecretUID: "0b0c5a1e", DataRevision: 7, LastSync: at(30), LastSuccess: at(9),
			Ready: metav1.ConditionFalse, Reason: plan.ReasonSecretNotFound, Message: "spec.data[0]: what is missing, and why: a", Since: at(20),
			Entries: []plan.EntryRecord{{Field: "spec.data[0]", Name: "a", Error: plan.ReasonSecretNotFound}},
		},
		{
			Generation: 3, ForceSync: "3-0123456789abcdef", LastSync: at(40), Ready: metav1.ConditionFalse, Reason: plan.ReasonPolicyDenied,
			Message: "spec.data[0].remoteRef.key: Forbidden", Since: at(40),
		},
	}
}

// asESOKeeps is a Record as far as the schema of External Secrets Operator has places for it: it drops what was written and read, and when
// it was last tried.
func asESOKeeps(r plan.Record) plan.Record {
	r.SecretResourceVersion, r.SecretUID, r.DataRevision, r.Entries = "", "", 0, nil
	r.LastSync = r.Since
	if r.LastSuccess.After(r.Since) {
		r.LastSync = r.LastSuccess
	}
	return r
}

// returned is a Record as an object's status has it once the API server has stored that.
func (s *site) returned(t *testing.T, namespace, name string, record plan.Record) plan.Record {
	t.Helper()
	object := `{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: ` + name + `}, spec: {
		secretStoreRef: {name: store}, data: [{secretKey: a, remoteRef: {key: a}}]}}`
	s.kubectl.MustApply(t, namespace, object)
	var status v1.ExternalSecretStatus
	status.Put(record)
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		t.Fatal(err)
	}
	ref := harness.Ref{Resource: v1.GroupVersion.WithResource("externalsecrets"), Namespace: namespace, Name: name}
	if err := s.apiServer.Do(t.Context(), http.MethodPatch, ref.Path()+"/status", harness.MergePatch, patch, nil); err != nil {
		t.Fatal(err)
	}
	stored, err := harness.Get[v1.ExternalSecret](t.Context(), s.apiServer, ref)
	if err != nil {
		t.Fatal(err)
	}
	got := stored.Status.Record()
	for _, at := range []*time.Time{&got.Since, &got.LastSync, &got.LastSuccess} {
		if !at.IsZero() {
			*at = at.UTC()
		}
	}
	return got
}
