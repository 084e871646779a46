// Package check judges manifests before they reach a cluster: the conversion, the schema and the
// policy of admission, run on files. Check does all of it; Fix rewrites the deprecated fields in the
// text itself.
//
// What admission cannot do here: an update is not compared with what is stored, other webhooks and
// RBAC are not asked, and a namespace is as the files or the cluster have it now.
package check
