package eso

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/shared/names"
)

// set is what a field manager set of a Secret, as the API server keeps record.
func set(manager, fields string) metav1.ManagedFieldsEntry {
	return metav1.ManagedFieldsEntry{Manager: manager, FieldsV1: metav1.NewFieldsV1(fields)}
}

const (
	whole  = `{"f:data":{".":{},"f:user":{},"f:password":{}},"f:type":{},"f:metadata":{"f:labels":{"f:reconcile.external-secrets.io/managed":{}}}}`
	entry  = `{"f:data":{"f:password":{}}}`
	theirs = "externalsecrets.external-secrets.io/db"
	// hashed is for a name of 28 x.
	hashed = "externalsecrets.external-secrets.io/sha3/e7251ce5d41427f31ef05719a7d02a7f23ec45151515893dec57c075"
)

func TestOnlyWhatExternalSecretsOperatorMadeForAnObjectIsAdopted(t *testing.T) {
	long := strings.Repeat("x", 28)
	for name, test := range map[string]struct {
		object  string
		change  func(*corev1.Secret)
		fields  []metav1.ManagedFieldsEntry
		permits bool
	}{
		"one that it made for the object":    {"db", nil, []metav1.ManagedFieldsEntry{set(theirs, whole)}, true},
		"one with a label of another client": {"db", nil, []metav1.ManagedFieldsEntry{set(theirs, whole), set("kubectl", `{"f:metadata":{"f:labels":{"f:a":{}}}}`)}, true},
		"one for an object of a long name": {long, nil, []metav1.ManagedFieldsEntry{
			set(hashed, whole)}, true},
		"one for an object of another name":             {"other", nil, []metav1.ManagedFieldsEntry{set(theirs, whole)}, false},
		"one of another client into which entries came": {"db", nil, []metav1.ManagedFieldsEntry{set("helm", whole), set(theirs, entry)}, false},
		"one of another client that was empty": {"db", nil, []metav1.ManagedFieldsEntry{
			set("helm", `{"f:type":{}}`), set(theirs, `{"f:data":{".":{},"f:user":{},"f:password":{}}}`)}, false},
		"one to which another client added entries":        {"db", nil, []metav1.ManagedFieldsEntry{set(theirs, whole), set("kubectl", entry)}, false},
		"one whose data are of no one's record":            {"db", func(s *corev1.Secret) { s.Data["more"] = nil }, []metav1.ManagedFieldsEntry{set(theirs, whole)}, false},
		"one without the label":                            {"db", func(s *corev1.Secret) { s.Labels = nil }, []metav1.ManagedFieldsEntry{set(theirs, whole)}, false},
		"one without a record":                             {"db", nil, nil, false},
		"one that belongs to another object of Secretgate": {"db", func(s *corev1.Secret) { s.Annotations = map[string]string{names.AnnotationOwnerUID: "u"} }, []metav1.ManagedFieldsEntry{set(theirs, whole)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			secret := &corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "db", Labels: map[string]string{v1.LabelManaged: "true"}, ManagedFields: test.fields},
				Data:       map[string][]byte{"user": nil, "password": nil},
			}
			if test.change != nil {
				test.change(secret)
			}
			object := &v1.ExternalSecret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: test.object}}
			got, problem, err := (&takeover{}).Adopt(t.Context(), object, secret)
			if got != test.permits || problem != "" || err != nil {
				t.Errorf("got %t, %q, %v, want %t", got, problem, err, test.permits)
			}
		})
	}
}

// The names are those of External Secrets Operator 2.9 (fqdnFor in pkg/controllers/externalsecret), whose limit is 63 bytes.
func TestFieldManagers(t *testing.T) {
	for object, want := range map[string]string{
		"db":                    theirs,
		strings.Repeat("x", 27): v1.FieldManagerPrefix + strings.Repeat("x", 27),
		strings.Repeat("x", 28): hashed,
	} {
		if got := fieldManager(object); got != want {
			t.Errorf("got %s of %s, want %s", got, object, want)
		}
	}
}

func TestTheFinalizerIsRemovedAndOthersStay(t *testing.T) {
	for name, test := range map[string]struct {
		finalizers, want []string
		patches          int
	}{
		"theirs":            {[]string{v1.Finalizer}, nil, 1},
		"theirs and others": {[]string{"example.com/a", v1.Finalizer}, []string{"example.com/a"}, 1},
		"others":            {[]string{"example.com/a"}, []string{"example.com/a"}, 0},
		"none":              {nil, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			object := &v1.ExternalSecret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "db", Finalizers: test.finalizers}}
			patches := 0
			c := interceptor.NewClient(cluster(t, object), interceptor.Funcs{Patch: func(
				ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption,
			) error {
				patches++
				return c.Patch(ctx, object, patch, options...)
			}})
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
				t.Fatal(err)
			}
			if err := (&takeover{client: c}).Finish(t.Context(), object); err != nil {
				t.Fatal(err)
			}
			left := &v1.ExternalSecret{}
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(object), left); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, left.Finalizers); diff != "" || patches != test.patches {
				t.Errorf("got %d patches, want %d, and finalizers (-want +got):\n%s", patches, test.patches, diff)
			}
		})
	}
	t.Run("of an object that is gone", func(t *testing.T) {
		gone := &v1.ExternalSecret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "gone", ResourceVersion: "1", Finalizers: []string{v1.Finalizer}}}
		if err := (&takeover{client: cluster(t)}).Finish(t.Context(), gone); err != nil {
			t.Error(err)
		}
	})
	t.Run("of one that another client changed meanwhile", func(t *testing.T) {
		object := &v1.ExternalSecret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "db", Finalizers: []string{v1.Finalizer}}}
		c := cluster(t, object)
		object.ResourceVersion = "1"
		if err := (&takeover{client: c}).Finish(t.Context(), object); !apierrors.IsConflict(err) {
			t.Errorf("got %v, want a conflict", err)
		}
	})
}

func cluster(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
}
