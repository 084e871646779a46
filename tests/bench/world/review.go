package world

import (
	"encoding/json"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
)

// review is what the API server sends to the validating webhook when a manifest's object is created by kubectl.
func review(m Manifest) ([]byte, error) {
	manifest, err := m.JSON()
	if err != nil {
		return nil, err
	}
	object := map[string]any{}
	if err := json.Unmarshal(manifest, &object); err != nil {
		return nil, err
	}
	const at = "2026-01-01T00:00:00Z"
	fields := map[string]any{".": map[string]any{}}
	for _, field := range []string{"backendType", "data", "region", "roleArn", "template"} {
		fields["f:"+field] = map[string]any{}
	}
	object["metadata"] = map[string]any{
		"namespace": TeamNamespace(m.Team), "name": m.Name, "uid": "0b35e4a4-0000-4000-8000-5c3e5f1a9d10",
		"creationTimestamp": at, "generation": 1,
		"managedFields": []any{map[string]any{
			"manager": "kubectl-create", "operation": "Update", "apiVersion": apiv1.GroupVersion.String(), "time": at,
			"fieldsType": "FieldsV1", "fieldsV1": map[string]any{"f:spec": fields},
		}},
	}
	raw, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	kind := metav1.GroupVersionKind(apiv1.GroupVersion.WithKind(apiv1.Kind))
	resource := metav1.GroupVersionResource(apiv1.GroupVersion.WithResource("externalsecrets"))
	dryRun := false
	return json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: "5d1c5a0e-0000-4000-8000-9b1f0b5a7c22", Kind: kind, RequestKind: &kind, Resource: resource, RequestResource: &resource,
			Namespace: TeamNamespace(m.Team), Name: m.Name, Operation: admissionv1.Create, DryRun: &dryRun,
			UserInfo: authenticationv1.UserInfo{Username: "admin", UID: "admin", Groups: []string{"system:masters", "system:authenticated"}},
			Object:   runtime.RawExtension{Raw: raw},
			Options:  runtime.RawExtension{Raw: []byte(`{"apiVersion":"meta.k8s.io/v1","kind":"CreateOptions","fieldManager":"kubectl-create"}`)},
		},
	})
}
