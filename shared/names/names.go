// Package names holds the labels, annotations and other names by which Secretgate knows what is its own, and what a
// namespace permits.
package names

// Annotations and labels that Secretgate reads or writes. The first two annotation keys are
// defaults: KES's environment variables ROLE_PERMITTED_ANNOTATION and NAMING_PERMITTED_ANNOTATION
// rename them.
const (
	prefix = "secretgate.io/"
	// prefixKES is that of kubernetes-external-secrets.
	prefixKES = "externalsecrets.kubernetes-client.io/"

	// AnnotationPermittedRole on a Namespace limits the roles that objects read as.
	AnnotationPermittedRole = "iam.amazonaws.com/permitted"
	// AnnotationPermittedKeyName on a Namespace limits every key and path read.
	AnnotationPermittedKeyName = prefixKES + "permitted-key-name"
	// AnnotationPermittedRegion on a Namespace limits the effective AWS region.
	AnnotationPermittedRegion = prefix + "permitted-region"
	// AnnotationPermittedVaultMount on a Namespace limits the effective Vault login mount.
	AnnotationPermittedVaultMount = prefix + "permitted-vault-mount"
	// AnnotationPermittedKeyVault on a Namespace limits the Key Vaults that objects are read from.
	AnnotationPermittedKeyVault = prefix + "permitted-key-vault"
	// AnnotationPermittedProject on a Namespace limits the effective GCP project.
	AnnotationPermittedProject = prefix + "permitted-project"
	// AnnotationPermittedControllerID on a Namespace limits controllerId, which chooses the syncer, and so the identities that read.
	AnnotationPermittedControllerID = prefix + "permitted-controller-id"
	// AnnotationPermittedVaultServer on a Namespace limits the servers of Vault that its objects choose.
	AnnotationPermittedVaultServer = prefix + "permitted-vault-server"
	// AnnotationPermittedVaultNamespace on a Namespace limits the namespaces of Vault that its objects choose.
	AnnotationPermittedVaultNamespace = prefix + "permitted-vault-namespace"
	// AnnotationPermittedServiceAccount on a Namespace limits the ServiceAccounts by which its objects log in.
	AnnotationPermittedServiceAccount = prefix + "permitted-service-account"
	// AnnotationPermittedStore on a Namespace limits the stores that its objects read by, each as Kind/name, or as
	// Kind/namespace/name of a store of another namespace.
	AnnotationPermittedStore = prefix + "permitted-store"
	// AnnotationPermittedSealingScope on a Namespace limits for what objects the values that its objects hold were sealed: strict,
	// namespace-wide or cluster-wide.
	AnnotationPermittedSealingScope = prefix + "permitted-sealing-scope"
	// AnnotationRequireRole on a Namespace, set to "true", denies objects that would read with
	// the syncer's own identity.
	AnnotationRequireRole = prefix + "require-role"
	// AnnotationRequireOpenable on a Namespace, set to "true", denies objects with sealed values that no key of the cluster opens.
	AnnotationRequireOpenable = prefix + "require-openable"
	// AnnotationPermitAdopt on a Namespace, set to "true", lets its objects use adoptExisting.
	AnnotationPermitAdopt = prefix + "permit-adopt"

	// AnnotationForceSync on an object asks for one refresh now: any value that
	// status.observedForceSync does not hold yet.
	AnnotationForceSync = prefix + "force-sync"

	// LabelManaged on a Secret selects those that the syncer watches. It proves nothing:
	// ownership is judged by owner reference or AnnotationOwnerUID.
	LabelManaged = prefix + "managed"
	// AnnotationOwnerUID on a Secret proves ownership under deletionPolicy Retain, where an
	// owner reference would have the Secret collected.
	AnnotationOwnerUID = prefix + "owner-uid"

	// AnnotationDataRevision on a Secret counts the writes of the syncer that changed its data, so that a lost status, or one that has
	// no place for the count, does not start it anew.
	AnnotationDataRevision = prefix + "data-revision"

	// AnnotationRestart on a workload says which Secrets restart it: "true", those that its pods refer to; "env", those of them that
	// they read when they start alone; names; "false", none. On an object or a Namespace "false" prevents restarts.
	AnnotationRestart = prefix + "restart"
	// AnnotationRevisions on a workload says with which revisions of Secrets it was last restarted, or first seen. On its pod template
	// it is what makes the workload's controller replace the pods.
	AnnotationRevisions = prefix + "revisions"
	// AnnotationRestartedAt on a workload says when the restarter last restarted it.
	AnnotationRestartedAt = prefix + "restarted-at"

	// FieldManager names the syncer in managedFields, and RestarterManager the restarter.
	FieldManager     = "secretgate-syncer"
	RestarterManager = "secretgate-restarter"
	// Reporter names the syncer in events, and ReporterRestarts the restarter.
	Reporter         = prefix + "syncer"
	ReporterRestarts = prefix + "restarter"
)

// ReservedPrefix starts every label and annotation key that belongs to Secretgate. Templates
// may not set such keys.
const ReservedPrefix = prefix

// PolicyPrefixes start the keys of a Namespace that mean something to Secretgate, or nothing at all.
func PolicyPrefixes() []string { return []string{prefix, prefixKES} }
