package v1alpha1

// What secrets-manager puts on Secrets and objects, and Secretgate goes on with or takes away.
const (
	// LabelManagedBy on a Secret has the value ManagedBy.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// ManagedBy is the value of LabelManagedBy.
	ManagedBy = "secrets-manager"

	// AnnotationLastUpdate on a Secret is when its content last changed, in LastUpdateFormat.
	AnnotationLastUpdate = "secrets-manager.tuenti.io/lastUpdateTime"
	// LastUpdateFormat is secrets-manager's own way to write a time.
	LastUpdateFormat = "2006-01-02T15.04.05Z"

	// Finalizer on a SecretDefinition had secrets-manager delete the Secret. An owner reference does
	// that now, so it is taken away.
	Finalizer = "secret.finalizer.secrets-manager.tuenti.io"
)
