// Package v1 holds the external-secrets.io/v1 API of External Secrets Operator: ExternalSecret, SecretStore and ClusterSecretStore. What
// Secretgate does not serve is declared as Unserved, so that it is denied with a sentence: the API server would drop what a schema does not
// know.
//
// +kubebuilder:object:generate=true
// +groupName=external-secrets.io
package v1
