package vso_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/dialect/dialecttest"
	"github.com/secretgate/secretgate/shared/dialect/vso"
	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/settings"
)

// TestPlans has the whole Plan of objects.
func TestPlans(t *testing.T) {
	dialecttest.Golden(t, *update, "testdata/plans.golden", dialecttest.Plans(t, rows(t, "testdata/plans.yaml")))
}

func TestTheSeedsExampleIsUnderstood(t *testing.T) {
	r := rows(t, "testdata/plans.yaml")[0]
	want := map[string]bool{"VaultAuth core/vault-auth": true, "VaultConnection secretgate/default": true}
	got := map[string]bool{}
	for reference := range resolvedReferences(t, r) {
		got[reference.String()] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("references (-want +got):\n%s", diff)
	}
}

// Templates see labels and annotations, so that a change of these counts, but only where there are templates.
func TestMetadataForcesAReadWhereTemplatesSeeIt(t *testing.T) {
	installation := &vso.Installation{Serve: true}
	of := func(templates map[string]v1beta1.Template, metadata metav1.ObjectMeta) string {
		object := &v1beta1.VaultStaticSecret{ObjectMeta: metadata}
		object.Spec.Destination.Transformation.Templates = templates
		return installation.ForceSync(object)
	}
	templates := map[string]v1beta1.Template{"a": {Text: "{{ .Labels.team }}"}}
	plain := metav1.ObjectMeta{UID: types.UID("a")}
	labelled := metav1.ObjectMeta{Labels: map[string]string{"team": "core"}}
	forced := metav1.ObjectMeta{Annotations: map[string]string{names.AnnotationForceSync: "now"}}
	if got := of(nil, labelled); got != "" {
		t.Errorf("without templates, with a label: got %q, want nothing", got)
	}
	if got := of(nil, forced); got != "now" {
		t.Errorf("without templates, with force-sync: got %q, want now", got)
	}
	seen := map[string]bool{of(templates, plain): true, of(templates, labelled): true, of(templates, forced): true}
	if len(seen) != 3 || seen[""] {
		t.Errorf("with templates: got %v, want three texts that differ", seen)
	}
}

func TestTheOperatorsNamespaceIsANamespace(t *testing.T) {
	for name, wrong := range map[string]bool{"secretgate": false, "": true, "a/b": true, "UPPER": true} {
		if err := (&vso.Installation{OperatorNamespace: name}).Finish(settings.Policy{}); (err != nil) != wrong {
			t.Errorf("%q: got %v, want an error: %t", name, err, wrong)
		}
	}
}
