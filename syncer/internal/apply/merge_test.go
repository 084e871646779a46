package apply

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

var (
	externalSecret = apiv1.GroupVersion.WithKind(apiv1.Kind)
	mine           = Owner{
		Kind: externalSecret, Namespace: "ns", Name: "db", UID: "uid-1", Words: &plan.Words{Kind: "ExternalSecret", Rename: "rename this one", Adopt: "ask to adopt it"},
	}
)

func yes() *bool { b := true; return &b }
func no() *bool  { b := false; return &b }

func controlledBy(kind, name, uid string) []metav1.OwnerReference {
	return []metav1.OwnerReference{{APIVersion: "v1", Kind: kind, Name: name, UID: types.UID("uid-" + uid), Controller: yes()}}
}

func TestRefuses(t *testing.T) {
	for _, tc := range []struct {
		name   string
		secret metav1.ObjectMeta
		adopt  bool
		want   string // what the refusal says; empty: none
	}{
		{"a Secret whose controller is this object is its own", metav1.ObjectMeta{OwnerReferences: controlledBy("ExternalSecret", "db", "1")}, false, ""},
		{"one that its annotation gives to this object is its own", metav1.ObjectMeta{Annotations: map[string]string{names.AnnotationOwnerUID: "uid-1"}}, false, ""},
		{"one with another controller is foreign", metav1.ObjectMeta{OwnerReferences: controlledBy("Certificate", "tls", "2")}, false, "owned by Certificate tls (uid uid-2)"},
		{"one with another controller is not adopted", metav1.ObjectMeta{OwnerReferences: controlledBy("Certificate", "tls", "2")}, true, "owned by Certificate tls (uid uid-2)"},
		{"the annotation proves nothing against a controller", metav1.ObjectMeta{
			OwnerReferences: controlledBy("Certificate", "tls", "2"), Annotations: map[string]string{names.AnnotationOwnerUID: "uid-1"}}, true, "owned by Certificate tls"},
		{"one of an object of the same name and another uid is foreign", metav1.ObjectMeta{OwnerReferences: controlledBy("ExternalSecret", "db", "2")}, true, "owned by ExternalSecret db (uid uid-2)"},
		{"an owner that is no controller proves nothing", metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{UID: "uid-1", Controller: no()}}}, false, "was not made for this ExternalSecret"},
		{"one without an owner is foreign", metav1.ObjectMeta{}, false, "ask to adopt it"},
		{"our label proves nothing", metav1.ObjectMeta{Labels: map[string]string{names.LabelManaged: "true"}}, false, "was not made for this ExternalSecret"},
		{"one without an owner is adopted where that is permitted", metav1.ObjectMeta{}, true, ""},
		{"a retained one of an object that is gone says so", metav1.ObjectMeta{Annotations: map[string]string{names.AnnotationOwnerUID: "uid-0"}}, false, "belonged to an ExternalSecret of the same name that is gone"},
		{"a retained one of an object that is gone is adopted", metav1.ObjectMeta{Annotations: map[string]string{names.AnnotationOwnerUID: "uid-0"}}, true, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.secret.Name = "db"
			r := Request{Owner: mine, Name: "db"}
			if tc.adopt {
				r.Adopt = func(context.Context, *corev1.Secret) (bool, string, error) { return true, "", nil }
			}
			got, err := r.refuses(t.Context(), &corev1.Secret{ObjectMeta: tc.secret})
			if err != nil {
				t.Fatal(err)
			}
			if (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
				t.Errorf("it says %q, want %q", got, tc.want)
			}
		})
	}
}

// ours are the fields of a Secret's metadata that this syncer set, as the API server records them.
func ours(labels, annotations string) []metav1.ManagedFieldsEntry {
	raw := `{"f:data":{"f:x":{}},"f:metadata":{"f:labels":{` + labels + `},"f:annotations":{` + annotations + `}}}`
	return []metav1.ManagedFieldsEntry{
		{Manager: "kubectl-label", FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{"f:foreign":{}},"f:annotations":{"f:foreign":{}}}}`)},
		{Manager: names.FieldManager, FieldsV1: metav1.NewFieldsV1(raw)},
	}
}

func TestMerge(t *testing.T) {
	managed := map[string]string{names.LabelManaged: "true"}
	reference := []metav1.OwnerReference{{APIVersion: "kubernetes-client.io/v1", Kind: "ExternalSecret", Name: "db", UID: "uid-1", Controller: yes()}}
	other := metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "x", UID: "uid-9"}
	retained := Owner{Kind: externalSecret, Namespace: "ns", Name: "db", UID: "uid-1", DeletionPolicy: plan.DeletionRetain}
	for _, tc := range []struct {
		name    string
		current corev1.Secret
		owner   Owner
		content render.Secret
		want    corev1.Secret
	}{
		{"a new Secret", corev1.Secret{}, mine,
			render.Secret{Type: "Opaque", Data: map[string][]byte{"a": []byte("1")}, Labels: map[string]string{"dog": "farfel"}, Annotations: map[string]string{"cat": "cheese"}},
			corev1.Secret{Type: "Opaque", Data: map[string][]byte{"a": []byte("1")}, ObjectMeta: metav1.ObjectMeta{
				Labels: map[string]string{"dog": "farfel", names.LabelManaged: "true"}, Annotations: map[string]string{"cat": "cheese"}, OwnerReferences: reference}}},
		{"entries that were not rendered go", corev1.Secret{Data: map[string][]byte{"old": nil, "a": []byte("0")}, StringData: map[string]string{"old": "x"}}, mine,
			render.Secret{Data: map[string][]byte{"a": []byte("1")}},
			corev1.Secret{Data: map[string][]byte{"a": []byte("1")}, ObjectMeta: metav1.ObjectMeta{Labels: managed, OwnerReferences: reference}}},
		{"foreign labels and annotations stay, those of an earlier template go", corev1.Secret{ObjectMeta: metav1.ObjectMeta{
			Labels:        map[string]string{"foreign": "1", "stays": "1", "goes": "1", names.LabelManaged: "true"},
			Annotations:   map[string]string{"foreign": "1", "goes": "1"},
			ManagedFields: ours(`".":{},"f:stays":{},"f:goes":{},"f:`+names.LabelManaged+`":{}`, `".":{},"f:goes":{}`)}}, mine,
			render.Secret{Labels: map[string]string{"stays": "2"}},
			corev1.Secret{ObjectMeta: metav1.ObjectMeta{
				Labels: map[string]string{"foreign": "1", "stays": "2", names.LabelManaged: "true"}, Annotations: map[string]string{"foreign": "1"}, OwnerReferences: reference}}},
		{"a template wins over a foreign label of the same key", corev1.Secret{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"foreign": "1"}, ManagedFields: ours("", "")}}, mine,
			render.Secret{Labels: map[string]string{"foreign": "2"}},
			corev1.Secret{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"foreign": "2", names.LabelManaged: "true"}, OwnerReferences: reference}}},
		{"from Delete to Retain the reference becomes an annotation", corev1.Secret{ObjectMeta: metav1.ObjectMeta{Labels: managed, OwnerReferences: append([]metav1.OwnerReference{other}, reference...)}}, retained,
			render.Secret{},
			corev1.Secret{ObjectMeta: metav1.ObjectMeta{Labels: managed, Annotations: map[string]string{names.AnnotationOwnerUID: "uid-1"}, OwnerReferences: []metav1.OwnerReference{other}}}},
		{"from Retain to Delete the annotation becomes a reference", corev1.Secret{ObjectMeta: metav1.ObjectMeta{Labels: managed, Annotations: map[string]string{names.AnnotationOwnerUID: "uid-1"},
			OwnerReferences: []metav1.OwnerReference{other}}}, mine,
			render.Secret{},
			corev1.Secret{ObjectMeta: metav1.ObjectMeta{Labels: managed, OwnerReferences: append([]metav1.OwnerReference{other}, reference...)}}},
		{"a retained Secret that is adopted belongs to the new object", corev1.Secret{ObjectMeta: metav1.ObjectMeta{Labels: managed, Annotations: map[string]string{names.AnnotationOwnerUID: "uid-0"}}}, retained,
			render.Secret{},
			corev1.Secret{ObjectMeta: metav1.ObjectMeta{Labels: managed, Annotations: map[string]string{names.AnnotationOwnerUID: "uid-1"}}}},
		{"a reference of KES, which blocks its owner's deletion, becomes ours", corev1.Secret{ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{
			APIVersion: "kubernetes-client.io/v1", Kind: "ExternalSecret", Name: "db", UID: "uid-1", Controller: yes(), BlockOwnerDeletion: yes()}}}}, mine,
			render.Secret{}, corev1.Secret{ObjectMeta: metav1.ObjectMeta{Labels: managed, OwnerReferences: reference}}},
		{"type and immutable are the template's", corev1.Secret{Type: "Opaque", Immutable: yes()}, mine, render.Secret{Type: "kubernetes.io/tls"},
			corev1.Secret{Type: "kubernetes.io/tls", ObjectMeta: metav1.ObjectMeta{Labels: managed, OwnerReferences: reference}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := tc.current.DeepCopy()
			got := merge(&tc.current, Request{Owner: tc.owner, Content: &tc.content})
			got.ManagedFields = nil
			if len(got.Annotations) == 0 {
				got.Annotations = nil
			}
			if diff := cmp.Diff(&tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, &tc.current); diff != "" {
				t.Errorf("the Secret that was read changed:\n%s", diff)
			}
		})
	}
}

func TestSameAndInPlace(t *testing.T) {
	base := func(change func(*corev1.Secret)) *corev1.Secret {
		s := &corev1.Secret{Type: "Opaque", Data: map[string][]byte{"a": []byte("1")}, ObjectMeta: metav1.ObjectMeta{
			Labels: map[string]string{"l": "1"}, Annotations: map[string]string{}, OwnerReferences: controlledBy("ExternalSecret", "db", "1")}}
		if change != nil {
			change(s)
		}
		return s
	}
	immutable := func(s *corev1.Secret) { s.Immutable = yes() }
	for _, tc := range []struct {
		name             string
		current, desired *corev1.Secret
		same, inPlace    bool
	}{
		{"nothing changes", base(nil), base(nil), true, true},
		{"no map is an empty map", base(nil), base(func(s *corev1.Secret) { s.Annotations = nil }), true, true},
		{"immutable: false is its absence", base(nil), base(func(s *corev1.Secret) { s.Immutable = no() }), true, true},
		{"a resourceVersion is no content", base(nil), base(func(s *corev1.Secret) { s.ResourceVersion = "7" }), true, true},
		{"a value", base(nil), base(func(s *corev1.Secret) { s.Data["a"] = []byte("2") }), false, true},
		{"an empty value is a value", base(nil), base(func(s *corev1.Secret) { s.Data["b"] = nil }), false, true},
		{"a label", base(nil), base(func(s *corev1.Secret) { s.Labels["l"] = "2" }), false, true},
		{"an annotation", base(nil), base(func(s *corev1.Secret) { s.Annotations["a"] = "" }), false, true},
		{"an owner", base(nil), base(func(s *corev1.Secret) { s.OwnerReferences = nil }), false, true},
		{"it becomes immutable", base(nil), base(immutable), false, true},
		{"the type changes", base(nil), base(func(s *corev1.Secret) { s.Type = "x" }), false, false},
		{"an immutable one stays as it is", base(immutable), base(immutable), true, true},
		{"an immutable one gets a label", base(immutable), base(func(s *corev1.Secret) { immutable(s); s.Labels["m"] = "1" }), false, true},
		{"an immutable one gets a value", base(immutable), base(func(s *corev1.Secret) { immutable(s); s.Data["a"] = []byte("2") }), false, false},
		{"an immutable one becomes mutable", base(immutable), base(nil), false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := same(tc.current, tc.desired); got != tc.same {
				t.Errorf("same is %v", got)
			}
			if got := inPlace(tc.current, tc.desired); got != tc.inPlace {
				t.Errorf("inPlace is %v", got)
			}
		})
	}
}

func TestOwnersAreComparedInAnyOrder(t *testing.T) {
	a, b := metav1.OwnerReference{UID: "a"}, metav1.OwnerReference{UID: "b"}
	if !sameOwners([]metav1.OwnerReference{a, b}, []metav1.OwnerReference{b, a}) {
		t.Error("their order counts")
	}
}

func TestTheJudgeOfAdoptionsIsHeard(t *testing.T) {
	broken := errors.New("the API server does not answer")
	for _, tc := range []struct {
		name      string
		permitted bool
		problem   string
		err       error
		want      string
	}{
		{"one that may be taken over", true, "", nil, ""},
		{"one that may not, for a reason", false, "an older object claims it", nil, "an older object claims it"},
		{"one that may not, for none", false, "", nil, "Secret db exists and was not made for this ExternalSecret: it is left alone; ask to adopt it"},
		{"the judgement fails", false, "", broken, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := Request{Owner: mine, Adopt: func(context.Context, *corev1.Secret) (bool, string, error) { return tc.permitted, tc.problem, tc.err }}
			got, err := r.refuses(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "db"}})
			if !errors.Is(err, tc.err) || tc.err == nil && got != tc.want {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// The stamp says when the content changed: it stays as it is until something else does not.
func TestTheStampOfTheLastChangeIsNoChange(t *testing.T) {
	r := Request{
		Owner: mine, Name: "db", Stamp: plan.Stamp{Annotation: "example.com/changed", Format: time.DateOnly},
		Content: &render.Secret{Type: "Opaque", Data: map[string][]byte{"a": []byte("b")}},
	}
	w := &Writer{Now: func() time.Time { return time.Date(2026, 2, 3, 23, 0, 0, 0, time.FixedZone("west", -7200)) }}
	first := merge(&corev1.Secret{}, r)
	w.stamp(first, r.Stamp)
	first.ManagedFields = ours(`"f:`+names.LabelManaged+`":{}`, `"f:example.com/changed":{}`)
	if got := first.Annotations["example.com/changed"]; got != "2026-02-04" {
		t.Errorf("the stamp is %q, not in UTC", got)
	}
	if again := merge(first, r); !same(first, again) {
		t.Errorf("it would be written again:\n%s", cmp.Diff(first, again))
	}
}
