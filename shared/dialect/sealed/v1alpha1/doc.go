// Package v1alpha1 holds the bitnami.com/v1alpha1 API of Sealed Secrets: SealedSecret. What should be a text and is none is kept, so that
// an error can name it: a CRD may let the API server store it, and one such object must not keep all others from being read.
//
// +kubebuilder:object:generate=true
// +groupName=bitnami.com
package v1alpha1
