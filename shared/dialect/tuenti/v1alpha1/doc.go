// Package v1alpha1 holds the secrets-manager.tuenti.io/v1alpha1 API: the SecretDefinition of tuenti's
// secrets-manager, field for field, and a status. The status is that of an ExternalSecret: what the
// syncer reports about both is the same.
//
// +kubebuilder:object:generate=true
// +groupName=secrets-manager.tuenti.io
package v1alpha1
