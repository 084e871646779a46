package v1_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/yaml"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
)

// everything sets every field of the spec to something else than nothing.
const everything = `
apiVersion: kubernetes-client.io/v1
kind: ExternalSecret
metadata: {name: db, namespace: core, labels: {a: b}}
secretDescriptor: {backendType: vault, unknown: [1, 2.5, "3"], data: [{key: a, name: b}]}
spec:
  backendType: vault
  data:
  - {key: k, name: e, property: p, isBinary: true, version: 3, versionStage: s, versionId: v, secretType: t}
  - {path: /p, recursive: true, version: latest}
  dataFrom: [one, two]
  dataFromWithOptions: [{key: k, isBinary: true, versionStage: s, versionId: v}]
  roleArn: arn
  region: eu-west-1
  vaultMountPoint: mount
  vaultRole: role
  kvVersion: 1
  keyVaultName: kv
  projectId: project
  template: {metadata: {labels: {dog: farfel}}, unknown: {deep: [12345678901234567890]}}
  controllerId: id
  refreshInterval: 1h
  suspend: true
  deletionPolicy: Retain
  adoptExisting: true
  keyByName: false
  type: Opaque
  properties: [{key: k, name: e}]
status:
  lastSync: "2020-03-30T10:26:34Z"
  status: SUCCESS
  observedGeneration: 3
  conditions: [{type: Ready, status: "True", reason: Synced, message: "", lastTransitionTime: "2020-03-30T10:26:34Z"}]
  secretName: db
  secretResourceVersion: "7"
  secretUID: 0b0c5a1e
  dataRevision: 3
  observedForceSync: now
  lastSuccess: "2020-03-30T10:26:34Z"
  entries: [{field: "spec.data[0]", name: e, version: "1", error: InvalidValue}]
`

func TestARoundTripThroughJSONLosesNothing(t *testing.T) {
	es := &apiv1.ExternalSecret{}
	if err := yaml.Unmarshal([]byte(everything), es); err != nil {
		t.Fatal(err)
	}
	if es.Malformed != "" {
		t.Fatal(es.Malformed)
	}
	for what, value := range map[string]any{"spec": es.Spec, "status": es.Status, "data": es.Spec.Data[0], "dataFromWithOptions": es.Spec.DataFromWithOptions[0]} {
		v := reflect.ValueOf(value)
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; v.Field(i).IsZero() && name != "Path" && name != "Recursive" {
				t.Errorf("this test sets no %s.%s", what, name)
			}
		}
	}
	raw, err := json.Marshal(es.DeepCopy())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(document(t, []byte(everything)), document(t, raw)); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
}

// document reads YAML or JSON without types, numbers as text.
func document(t *testing.T, text []byte) map[string]any {
	t.Helper()
	raw, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber()
	var d map[string]any
	if err := decoder.Decode(&d); err != nil {
		t.Fatal(err)
	}
	return d
}

// strict has the fields of an ExternalSecret without its decoding, which is lenient.
type strict apiv1.ExternalSecret

func TestDocumentedExamplesDecodeStrictly(t *testing.T) {
	files, err := filepath.Glob("../testdata/cases/the-documented-*/object.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := yaml.UnmarshalStrict(text, &strict{}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOneMalformedObjectDoesNotFailTheListThatHoldsIt(t *testing.T) {
	raw := `{"kind": "ExternalSecretList", "apiVersion": "kubernetes-client.io/v1", "metadata": {"resourceVersion": "9"}, "items": [
		{"metadata": {"name": "first"}, "spec": {"backendType": "vault", "dataFrom": ["a"]}},
		{"metadata": {"name": "malformed", "uid": "u", "labels": {"a": "b"}}, "spec": {"backendType": "vault", "controllerId": "c", "data": "text"}, "status": {"status": "SUCCESS"}},
		{"metadata": {"name": "text"}, "spec": "text"},
		{"metadata": {"name": "status"}, "spec": {"backendType": "vault", "dataFrom": ["a"]}, "status": {"lastSync": "yesterday"}},
		{"metadata": {"name": "null"}, "spec": null, "status": null, "secretDescriptor": null},
		{"metadata": {"name": "last"}, "spec": {"backendType": "vault", "dataFrom": ["b"]}}
	]}`
	want := []apiv1.ExternalSecret{
		{ObjectMeta: metav1.ObjectMeta{Name: "first"}, Spec: apiv1.ExternalSecretSpec{Backend: "vault", DataFrom: []string{"a"}}},
		{
			ObjectMeta: metav1.ObjectMeta{Name: "malformed", UID: "u", Labels: map[string]string{"a": "b"}},
			Spec:       apiv1.ExternalSecretSpec{ControllerID: "c"}, Malformed: "spec.data must be a list, but is a string",
		},
		{ObjectMeta: metav1.ObjectMeta{Name: "text"}, Malformed: "spec must be an object, but is a string"},
		{
			ObjectMeta: metav1.ObjectMeta{Name: "status"},
			Malformed:  `parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"`,
		},
		{ObjectMeta: metav1.ObjectMeta{Name: "null"}},
		{ObjectMeta: metav1.ObjectMeta{Name: "last"}, Spec: apiv1.ExternalSecretSpec{Backend: "vault", DataFrom: []string{"b"}}},
	}
	// As clients decode it, and as plain JSON.
	scheme := runtime.NewScheme()
	if err := apiv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	decoded, err := runtime.Decode(serializer.NewCodecFactory(scheme).UniversalDeserializer(), []byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	list, ok := decoded.(*apiv1.ExternalSecretList)
	if !ok {
		t.Fatalf("a %T", decoded)
	}
	if diff := cmp.Diff(want, list.Items); diff != "" {
		t.Errorf("as clients decode it: -want +got:\n%s", diff)
	}
	var plain apiv1.ExternalSecretList
	if err := json.Unmarshal([]byte(raw), &plain); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, plain.Items); diff != "" {
		t.Errorf("as plain JSON: -want +got:\n%s", diff)
	}
}

func TestMetadataThatDoesNotFitIsAnError(t *testing.T) {
	for _, raw := range []string{`{"metadata": 5}`, `{"metadata": {"name": 5}, "spec": 5}`, `{"metadata": {"annotations": {"a": 1}}}`, `[]`, `5`} {
		if err := json.Unmarshal([]byte(raw), &apiv1.ExternalSecret{}); err == nil {
			t.Errorf("%s: no error", raw)
		}
	}
}

func TestDecodingForgetsWhatWasThereBefore(t *testing.T) {
	es := &apiv1.ExternalSecret{Malformed: "old", Spec: apiv1.ExternalSecretSpec{Region: "old"}}
	if err := json.Unmarshal([]byte(`{"metadata": {"name": "new"}}`), es); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&apiv1.ExternalSecret{ObjectMeta: metav1.ObjectMeta{Name: "new"}}, es); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Names of members count by their case, as for the API server: what it pruned must not be found here.
func TestMembersOfAnotherCaseAreNotOurs(t *testing.T) {
	es := &apiv1.ExternalSecret{}
	if err := json.Unmarshal([]byte(`{"Spec": {"backendType": "vault"}, "spec": {"BackendType": "vault", "DATAFROM": ["a"]}}`), es); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&apiv1.ExternalSecret{}, es); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestEveryFieldOfKESIsThere(t *testing.T) {
	fields := func(value any) (names []string) {
		for f := range reflect.TypeOf(value).Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			names = append(names, name)
		}
		return names
	}
	for what, test := range map[string]struct {
		value any
		want  []string
	}{
		"spec": {apiv1.ExternalSecretSpec{}, []string{
			"backendType", "data", "dataFrom", "dataFromWithOptions", "roleArn", "region", "vaultMountPoint", "vaultRole", "kvVersion",
			"keyVaultName", "projectId", "template", "controllerId", "keyByName", "type", "properties",
		}},
		"data": {apiv1.DataEntry{}, []string{
			"key", "name", "path", "recursive", "property", "isBinary", "version", "versionStage", "versionId", "secretType",
		}},
		"dataFromWithOptions": {apiv1.DataFromEntry{}, []string{"key", "isBinary", "versionStage", "versionId"}},
	} {
		for _, name := range test.want {
			if !slices.Contains(fields(test.value), name) {
				t.Errorf("%s has no %s", what, name)
			}
		}
	}
}
