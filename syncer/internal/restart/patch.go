package restart

import (
	"context"
	"encoding/json"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/syncer/internal/restart/workload"
)

// change is what a patch makes of a workload.
type change struct {
	revisions string
	restart   bool
	at        time.Time // of the restart
}

// annotated is a part of a manifest.
type annotated struct {
	ResourceVersion string            `json:"resourceVersion,omitempty"`
	Annotations     map[string]string `json:"annotations"`
}

// patchOf is a merge patch. The API server refuses it where the workload is not any more as it was when it was decided about.
func patchOf(w *workload.Workload, c change) ([]byte, error) {
	type template struct {
		Metadata annotated `json:"metadata"`
	}
	type spec struct {
		Template  *template    `json:"template,omitempty"`
		RestartAt *metav1.Time `json:"restartAt,omitempty"`
	}
	patch := struct {
		Metadata annotated `json:"metadata"`
		Spec     *spec     `json:"spec,omitempty"`
	}{Metadata: annotated{ResourceVersion: w.ResourceVersion, Annotations: map[string]string{names.AnnotationRevisions: c.revisions}}}
	if c.restart {
		patch.Metadata.Annotations[names.AnnotationRestartedAt] = c.at.UTC().Format(time.RFC3339)
		if patch.Spec = (&spec{}); w.OnTemplate {
			patch.Spec.Template = &template{annotated{Annotations: map[string]string{names.AnnotationRevisions: c.revisions}}}
		} else {
			at := metav1.NewTime(c.at)
			patch.Spec.RestartAt = &at
		}
	}
	return json.Marshal(patch)
}

// patch changes a workload. kept: it has what was set.
func (r *Reconciler) patch(ctx context.Context, w *workload.Workload, c change) (kept bool, err error) {
	raw, err := patchOf(w, c)
	if err != nil {
		return false, err
	}
	object := &unstructured.Unstructured{}
	object.SetAPIVersion(w.APIVersion)
	object.SetKind(w.Kind)
	object.SetNamespace(w.Namespace)
	object.SetName(w.Name)
	if err := r.Client.Patch(ctx, object, client.RawPatch(types.MergePatchType, raw), client.FieldOwner(names.RestarterManager)); err != nil {
		return false, err
	}
	if !c.restart || !w.OnTemplate {
		return object.GetAnnotations()[names.AnnotationRevisions] == c.revisions, nil
	}
	value, _, err := unstructured.NestedString(object.Object, "spec", "template", "metadata", "annotations", names.AnnotationRevisions)
	return value == c.revisions, err
}
