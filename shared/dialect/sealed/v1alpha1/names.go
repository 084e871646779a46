package v1alpha1

// prefix is that of the annotations of Sealed Secrets. Each of them counts with the value "true" alone.
const prefix = "sealedsecrets.bitnami.com/"

// Annotations of a SealedSecret itself, which say where its ciphertexts may be opened. Without either: as the name and in the namespace
// that they were sealed for.
const (
	AnnotationNamespaceWide = prefix + "namespace-wide" // in the namespace that they were sealed for, as any name
	AnnotationClusterWide   = prefix + "cluster-wide"   // anywhere; it wins
)

// Annotations of Secrets.
const (
	// AnnotationManaged on a Secret that exists has the SealedSecret of its name take it over.
	AnnotationManaged = prefix + "managed"
	// AnnotationPatch on a Secret that exists has the SealedSecret of its name set its own entries, labels and annotations there, and leave
	// all others.
	AnnotationPatch = prefix + "patch"
	// AnnotationSkipOwner in spec.template.metadata has the Secret outlive its SealedSecret.
	AnnotationSkipOwner = prefix + "skip-set-owner-references"
)

// True is the value with which these annotations count.
const True = "true"
