package apply

import (
	"maps"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/secretgate/secretgate/shared/names"
)

// maxRevision is the highest count that is believed of a Secret. A write for each second of thirty thousand years does not reach it, but
// another client may set any.
const maxRevision = 1 << 40

// revisionOf is how often the data of a Secret were changed, as its annotation counts; 0: it does not say.
func revisionOf(secret *corev1.Secret) int64 {
	revision, err := strconv.ParseInt(secret.Annotations[names.AnnotationDataRevision], 10, 64)
	if err != nil || revision < 0 || revision > maxRevision {
		return 0
	}
	return revision
}

// count raises the count of a Secret in the write that changes its data, a first one included. It is in the Secret as well as in the
// status: the one outlives a status that was not written, the other a Secret that was deleted.
func (r Request) count(current, desired *corev1.Secret) {
	revision := max(revisionOf(current), r.Revision)
	if revision == 0 || current.ResourceVersion == "" || !equality.Semantic.DeepEqual(current.Data, desired.Data) {
		revision++
	}
	annotations := maps.Clone(desired.Annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[names.AnnotationDataRevision] = strconv.FormatInt(revision, 10)
	desired.Annotations = annotations
}
