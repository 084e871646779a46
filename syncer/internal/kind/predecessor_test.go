package kind

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/secretgate/secretgate/shared/api/secretsmanager/v1alpha1"
	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
)

func TestWhatSecretsManagerMadeIsRecognised(t *testing.T) {
	yes := true
	label := func(by string) map[string]string { return map[string]string{v1alpha1.LabelManagedBy: by} }
	stamp := map[string]string{v1alpha1.AnnotationLastUpdate: "2020-04-22T14.34.17Z"}
	for _, tc := range []struct {
		name   string
		secret metav1.ObjectMeta
		object map[string]string // its labels
		want   bool
	}{
		{"its label and its annotation", metav1.ObjectMeta{Labels: label("secrets-manager"), Annotations: stamp}, nil, true},
		{"its label alone is everybody's", metav1.ObjectMeta{Labels: label("secrets-manager")}, nil, false},
		{"so is its annotation", metav1.ObjectMeta{Annotations: stamp}, nil, false},
		{"the object's own label took the place of its label", metav1.ObjectMeta{Labels: label("Helm"), Annotations: stamp}, label("Helm"), true},
		{"a label that is neither's", metav1.ObjectMeta{Labels: label("Helm"), Annotations: stamp}, label("flux"), false},
		{"one that has a controller", metav1.ObjectMeta{Labels: label("secrets-manager"), Annotations: stamp,
			OwnerReferences: []metav1.OwnerReference{{UID: "u", Controller: &yes}}}, nil, false},
		{"one that an ExternalSecret left behind", metav1.ObjectMeta{Labels: label("secrets-manager"), Annotations: map[string]string{
			v1alpha1.AnnotationLastUpdate: "x", apiv1.AnnotationOwnerUID: "u"}}, nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			object := &v1alpha1.SecretDefinition{ObjectMeta: metav1.ObjectMeta{Labels: tc.object}}
			if got := madeBefore(&corev1.Secret{ObjectMeta: tc.secret}, object); got != tc.want {
				t.Errorf("%t", got)
			}
		})
	}
}

func TestTheOlderObjectGoesFirst(t *testing.T) {
	first, second := &metav1.ObjectMeta{UID: "b", CreationTimestamp: metav1.Unix(1, 0)}, &metav1.ObjectMeta{UID: "a", CreationTimestamp: metav1.Unix(2, 0)}
	if !older(first, second) || older(second, first) {
		t.Error("the time does not decide")
	}
	second.CreationTimestamp = first.CreationTimestamp
	if older(first, second) || !older(second, first) {
		t.Error("within a second the uid does not decide")
	}
}

func TestExclusionWins(t *testing.T) {
	for _, tc := range []struct {
		name              string
		watched, excluded []string
		want              bool
	}{
		{"all namespaces are served", nil, nil, true},
		{"one of those that are watched", []string{"a", "core"}, nil, true},
		{"none of those that are watched", []string{"a"}, nil, false},
		{"one that is excluded", nil, []string{"core"}, false},
		{"one that is watched and excluded", []string{"core"}, []string{"core"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := &Definitions{Watched: tc.watched, Excluded: tc.excluded}
			if got := d.API().Serves(definition("core", "mine", "db", 10)); got != tc.want || d.API().ServesIn("core") != tc.want {
				t.Errorf("%t", got)
			}
		})
	}
}

func TestWhoNamesASecret(t *testing.T) {
	d := &Definitions{Client: cluster(t, interceptor.Funcs{}, definition("core", "a", "db", 1), definition("core", "b", "db", 1),
		definition("core", "db", "other", 1), definition("edge", "c", "db", 1))}
	want := []types.NamespacedName{{Namespace: "core", Name: "a"}, {Namespace: "core", Name: "b"}}
	if diff := cmp.Diff(want, d.API().MadeBy(t.Context(), types.NamespacedName{Namespace: "core", Name: "db"})); diff != "" {
		t.Error(diff)
	}
}

func TestTheInstallationSaysWhereDefinitionsAreRead(t *testing.T) {
	where := plan.Scope{Backend: apiv1.BackendAzureKeyVault, KeyVault: "hello-world"}
	object := definition("core", "mine", "db", 10)
	object.Spec.KeysMap = map[string]v1alpha1.DataSource{"a": {Path: "hello"}}
	p, errs := (&Definitions{Where: plan.Definitions{Scope: where}}).API().Plan(object)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if diff := cmp.Diff([]plan.Source{{Scope: where, Read: plan.Read{Key: "hello"}}}, p.Sources()); diff != "" {
		t.Error(diff)
	}
}
