// Package v1beta1 holds the secrets.hashicorp.com/v1beta1 API of Vault Secrets Operator, as HashiCorp documents it: VaultStaticSecret, and
// what it refers to. What Secretgate does not serve is declared, so that it is denied with a sentence: the API server would drop what a
// schema does not know.
//
// +kubebuilder:object:generate=true
// +groupName=secrets.hashicorp.com
package v1beta1
