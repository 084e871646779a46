package admit

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/kes"
	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/dialect/tuenti"
	"github.com/secretgate/secretgate/shared/dialect/tuenti/v1alpha1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// bothKinds answers with an ExternalSecret and a SecretDefinition, or with an error in the latter's stead.
type bothKinds struct {
	client.Reader
	err error
}

func (b bothKinds) List(_ context.Context, into client.ObjectList, _ ...client.ListOption) error {
	switch list := into.(type) {
	case *apiv1.ExternalSecretList:
		list.Items = reading("a")
	case *v1alpha1.SecretDefinitionList:
		list.Items = []v1alpha1.SecretDefinition{{
			ObjectMeta: metav1.ObjectMeta{Name: "sd", Namespace: "core"},
			Spec:       v1alpha1.SecretDefinitionSpec{Name: "db", KeysMap: map[string]v1alpha1.DataSource{"k": {Path: "a"}}},
		}}
		return b.err
	}
	return nil
}

func TestSecretDefinitionsThatAPolicyNowForbidsAreNamed(t *testing.T) {
	resource := schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "secretdefinitions"}
	es := []string{
		"these annotations forbid 1 ExternalSecret stored in namespace core that they permitted before; refreshes of them end, their Secrets stay",
		"ExternalSecret es-0: spec.dataFrom[0]",
	}
	for _, tc := range []struct {
		name string
		err  error
		want []string
	}{
		{"beside ExternalSecrets", nil, append(es[:2:2],
			"these annotations forbid 1 SecretDefinition stored in namespace core that they permitted before; refreshes of them end, their Secrets stay",
			"SecretDefinition sd: spec.keysMap[k].path, spec")},
		{"which may not be listed where they are not installed", apierrors.NewForbidden(resource, "", nil), es},
		{"which the API server need not know", apierrors.NewNotFound(resource, ""), es},
		{"which the client need not know", &meta.NoResourceMatchError{PartialResource: resource.WithVersion("")}, es},
		{"and may not be listed in time", apierrors.NewTooManyRequestsError("later"), append(es[:2:2],
			"only 0 SecretDefinitions of namespace core could be examined for what these annotations forbid: the API server did not list them: Too many requests: later")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stored := Stored{Live: bothKinds{err: tc.err}, Kinds: []dialect.Kind{&kes.Installation{}, &tuenti.Installation{Where: tuenti.Where{
				Store: plan.Store{Backend: backend.AzureKeyVault, Container: "hello-world"},
			}}}}
			var got []string
			for _, found := range stored.examine(t.Context(), relimited("annotations",
				annotated(names.AnnotationPermittedKeyName, "b", names.AnnotationPermittedKeyVault, "other"), annotated())) {
				for _, n := range found.notices() {
					got = append(got, n.text)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
