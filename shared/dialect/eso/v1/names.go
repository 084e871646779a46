package v1

// What External Secrets Operator puts on objects and Secrets, and Secretgate goes on with or takes away.
const (
	// Finalizer on an ExternalSecret keeps it until External Secrets Operator has cleaned up. An owner reference does that now.
	Finalizer = "externalsecrets.external-secrets.io/externalsecret-cleanup"
	// AnnotationDataHash on a Secret is a digest of its values.
	AnnotationDataHash = "reconcile.external-secrets.io/data-hash"
	// LabelManaged on a Secret is "true" where External Secrets Operator wrote it.
	LabelManaged = "reconcile.external-secrets.io/managed"
	// FieldManagerPrefix begins External Secrets Operator's name in managedFields; that of the object follows.
	FieldManagerPrefix = "externalsecrets.external-secrets.io/"
)
