// Package v1 holds the kubernetes-client.io/v1 API: the ExternalSecret of
// kubernetes-external-secrets (KES), field for field, and Secretgate's additions.
//
// The CRD in crds/ and the deepcopy functions are generated from these types; nothing else
// describes the API. There are no defaults in the schema: GitOps tools would see them as drift.
//
// +kubebuilder:object:generate=true
// +groupName=kubernetes-client.io
package v1
