// Package check judges manifests before they reach a cluster: the conversion, the schema and the policy of admission, run on files.
// Checker.Run does all of it, and first rewrites the deprecated fields in the text itself where Checker.Fix is set.
//
// Objects of the kinds in Checker.Kinds are judged, and so are Namespaces, whose annotations are the policy. What resembles one of
// these and is none is an error; objects of other kinds are skipped. What an object refers to is looked for in the files, and in the
// cluster where one is asked; a store among the inputs is judged itself, where it stands. Objects of Kubernetes' own kinds, such as
// ServiceAccounts, are read only when a store or an object refers to them.
//
// What admission cannot do here: an update is not compared with what is stored, other webhooks and RBAC are not asked, and a namespace
// is as the files or the cluster have it now.
package check
