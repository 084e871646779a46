package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// HashMetadataBytes is the size of what HashMetadata writes as hexadecimal digits.
const HashMetadataBytes = 8

// HashMetadata is a hash of an object's labels and annotations, for a ForceSync that differs with them.
func HashMetadata(object metav1.Object) string {
	sum := sha256.New()
	for _, texts := range []map[string]string{object.GetLabels(), object.GetAnnotations()} {
		_, _ = fmt.Fprintf(sum, "%d ", len(texts))
		for _, key := range slices.Sorted(maps.Keys(texts)) {
			_, _ = fmt.Fprintf(sum, "%q %q ", key, texts[key])
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:HashMetadataBytes])
}
