package check

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/registry/customresource/tableconvertor"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/kes"
	"github.com/secretgate/secretgate/shared/dialect/tuenti"
)

// TestColumns prints objects as the API server does for kubectl get.
func TestColumns(t *testing.T) {
	long := strings.Repeat("because of this and that, ", 15)
	kinds := kindsOf(kes.Installation{}, tuenti.Where{})
	externalSecret, definition := kinds[0], kinds[1]
	suspended := "status: SUSPENDED, conditions: [{type: Ready, status: Unknown, reason: Suspended}]"
	for name, tc := range map[string]struct {
		kind             dialect.Kind
		object           string
		narrow, moreWide map[string]any
	}{
		"a failure": {externalSecret, "{spec: {backendType: vault}, status: {status: 'ERROR, " + long + "', conditions: [{type: Ready, status: 'False', reason: PolicyDenied, message: '" + long + "'}]}}",
			map[string]any{"Name": "a", "Ready": "False", "Reason": "PolicyDenied", "Last Sync": nil, "Age": nil},
			map[string]any{"Backend": "vault", "Status": "ERROR, " + long}},
		"suspended": {externalSecret, "{spec: {backendType: vault}, status: {" + suspended + "}}",
			map[string]any{"Name": "a", "Ready": "Unknown", "Reason": "Suspended", "Last Sync": nil, "Age": nil},
			map[string]any{"Backend": "vault", "Status": "SUSPENDED"}},
		"not seen yet": {externalSecret, "{spec: {backendType: vault}}",
			map[string]any{"Name": "a", "Ready": nil, "Reason": nil, "Last Sync": nil, "Age": nil},
			map[string]any{"Backend": "vault", "Status": nil}},
		"synced by kubernetes-external-secrets": {externalSecret, "{spec: {backendType: vault}, status: {status: SUCCESS}}",
			map[string]any{"Name": "a", "Ready": nil, "Reason": nil, "Last Sync": nil, "Age": nil},
			map[string]any{"Backend": "vault", "Status": "SUCCESS"}},
		"a SecretDefinition": {definition, "{spec: {name: b}, status: {" + suspended + "}}",
			map[string]any{"Name": "a", "Secret": "b", "Ready": "Unknown", "Reason": "Suspended", "Last Sync": nil, "Age": nil},
			map[string]any{"Status": "SUSPENDED"}},
	} {
		t.Run(name, func(t *testing.T) {
			crd := &apiextensionsv1.CustomResourceDefinition{}
			if err := yaml.Unmarshal(tc.kind.Type().CRD, crd); err != nil {
				t.Fatal(err)
			}
			table, err := tableconvertor.New(crd.Spec.Versions[0].AdditionalPrinterColumns)
			if err != nil {
				t.Fatal(err)
			}
			o := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(tc.object), &o.Object); err != nil {
				t.Fatal(err)
			}
			o.SetName("a")
			printed, err := table.ConvertToTable(t.Context(), o, nil)
			if err != nil {
				t.Fatal(err)
			}
			narrow, moreWide := cells(printed)
			if diff := cmp.Diff(tc.narrow, narrow); diff != "" {
				t.Errorf("kubectl get (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.moreWide, moreWide); diff != "" {
				t.Errorf("what -o wide adds (-want +got):\n%s", diff)
			}
		})
	}
}

// cells are those of the first row: of the columns that are always shown, and of the others.
func cells(table *metav1.Table) (narrow, moreWide map[string]any) {
	narrow, moreWide = map[string]any{}, map[string]any{}
	for i, column := range table.ColumnDefinitions {
		if column.Priority == 0 {
			narrow[column.Name] = table.Rows[0].Cells[i]
		} else {
			moreWide[column.Name] = table.Rows[0].Cells[i]
		}
	}
	return narrow, moreWide
}
