// Package v1 is the probe.secretgate.io/v1 API, which no cluster but those of tests has: an object that reads through a store.
//
// +kubebuilder:object:generate=true
// +groupName=probe.secretgate.io
package v1
