package apply

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// sharing is an API server with a Secret that several clients write. It keeps record of field managers.
type sharing struct {
	client.Client
	w *Writer
}

func newSharing(t *testing.T, objects ...client.Object) sharing {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithReturnManagedFields().Build()
	for _, object := range objects {
		if err := c.Create(t.Context(), object, client.FieldOwner("helm")); err != nil {
			t.Fatal(err)
		}
	}
	return sharing{c, &Writer{Client: c}}
}

func permits(context.Context, *corev1.Secret) (bool, string, error) { return true, "", nil }

// by is a request of an object to set some entries.
func by(uid types.UID, how plan.Sharing, entries map[string]string) Request {
	data := map[string][]byte{}
	for name, value := range entries {
		data[name] = []byte(value)
	}
	return Request{
		Owner: Owner{Kind: externalSecret, Namespace: "ns", Name: string(uid), UID: uid, Words: mine.Words},
		Name:  "db", Sharing: how, Adopt: permits, Removed: []string{"example.com/hash"},
		Content: &render.Secret{Type: "Opaque", Data: data, Labels: map[string]string{"team": string(uid)}},
	}
}

func helms() *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "db", Labels: map[string]string{"team": "helm"},
			Annotations: map[string]string{"example.com/hash": "x", "note": "helm"}},
		Type: "example.com/login", Data: map[string][]byte{"user": []byte("admin"), "port": []byte("1")},
	}
}

func (s sharing) write(t *testing.T, r Request) Result {
	t.Helper()
	result, err := s.w.Write(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func (s sharing) secret(t *testing.T) *corev1.Secret {
	t.Helper()
	secret := &corev1.Secret{}
	if err := s.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "db"}, secret); err != nil {
		t.Fatal(err)
	}
	return secret
}

func (s sharing) wantData(t *testing.T, what string, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for name, value := range s.secret(t).Data {
		got[name] = string(value)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: data (-want +got):\n%s", what, diff)
	}
}

func TestEachObjectSetsItsOwnEntriesOfASharedSecret(t *testing.T) {
	s := newSharing(t, helms())
	s.write(t, by("a", plan.Merge, map[string]string{"password": "1", "old": "1"}))
	s.write(t, by("b", plan.CreateOrMerge, map[string]string{"token": "2"}))
	s.wantData(t, "with both", map[string]string{"user": "admin", "port": "1", "password": "1", "old": "1", "token": "2"})

	secret := s.secret(t)
	if secret.Type != "example.com/login" || secret.Immutable != nil || len(secret.OwnerReferences) > 0 {
		t.Errorf("got type %s, immutable %v and owners %v, want what Helm made", secret.Type, secret.Immutable, secret.OwnerReferences)
	}
	want := []map[string]string{{"team": "helm", names.LabelManaged: "true"}, {"note": "helm", names.AnnotationDataRevision: "2"}}
	if diff := cmp.Diff(want, []map[string]string{secret.Labels, secret.Annotations}); diff != "" {
		t.Errorf("labels and annotations (-want +got):\n%s", diff)
	}
	if again := s.write(t, by("a", plan.Merge, map[string]string{"password": "1", "old": "1"})); again.Changed || again.ResourceVersion != secret.ResourceVersion {
		t.Errorf("got another write of the same: %+v", again)
	}

	s.write(t, by("a", plan.Merge, map[string]string{"password": "3"}))
	s.wantData(t, "without an entry of a", map[string]string{"user": "admin", "port": "1", "password": "3", "token": "2"})
	s.write(t, by("b", plan.CreateOrMerge, nil))
	s.wantData(t, "without any entry of b", map[string]string{"user": "admin", "port": "1", "password": "3"})
}

func TestASharedSecretIsRepaired(t *testing.T) {
	s := newSharing(t, helms())
	s.write(t, by("a", plan.Merge, map[string]string{"password": "1"}))
	secret := s.secret(t)
	secret.Data["password"], secret.Data["user"] = []byte("theirs"), []byte("theirs")
	if err := s.Update(t.Context(), secret, client.FieldOwner("kubectl")); err != nil {
		t.Fatal(err)
	}
	s.write(t, by("a", plan.Merge, map[string]string{"password": "1"}))
	s.wantData(t, "after another client changed it", map[string]string{"user": "theirs", "port": "1", "password": "1"})
}

func TestWhatAnotherClientSetAnewAfterASharedSecretWasWrittenStays(t *testing.T) {
	s := newSharing(t, helms())
	s.write(t, by("a", plan.Merge, map[string]string{"password": "1"}))
	secret := s.secret(t)
	secret.Annotations["example.com/hash"] = "y"
	if err := s.Update(t.Context(), secret, client.FieldOwner("other")); err != nil {
		t.Fatal(err)
	}
	if result := s.write(t, by("a", plan.Merge, map[string]string{"password": "1"})); result.Changed || result.Contested {
		t.Errorf("got %+v, want no write, since another client may share the Secret", result)
	}
}

func TestASecretThatIsMissing(t *testing.T) {
	for name, test := range map[string]struct {
		request Request
		made    bool
		missing bool
	}{
		"is not made by Merge":                      {by("a", plan.Merge, map[string]string{"password": "1"}), false, true},
		"nor where Merge has nothing to set":        {by("a", plan.Merge, nil), false, true},
		"is made by CreateOrMerge":                  {by("a", plan.CreateOrMerge, map[string]string{"password": "1"}), true, false},
		"is not made where there is nothing to set": {by("a", plan.CreateOrMerge, nil), false, false},
	} {
		for _, expected := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				s := newSharing(t)
				test.request.Expected = expected
				result, err := s.w.Write(t.Context(), test.request)
				if _, missing := errors.AsType[*MissingError](err); missing != test.missing || err != nil && !missing {
					t.Errorf("got the error %v, want that it is missing: %t", err, test.missing)
				}
				secret := &corev1.Secret{}
				err = s.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "db"}, secret)
				if apierrors.IsNotFound(err) == test.made || result.Created != test.made {
					t.Errorf("got %v and %+v, want a Secret: %t", err, result, test.made)
				}
				if test.made && (len(secret.OwnerReferences) > 0 || secret.Annotations[names.AnnotationOwnerUID] != "") {
					t.Errorf("got a Secret that has an owner: %+v", secret.ObjectMeta)
				}
			})
		}
	}
}

func TestWhichSecretsMayBeShared(t *testing.T) {
	unowned := func(change func(*corev1.Secret)) *corev1.Secret {
		s := helms()
		change(s)
		return s
	}
	for _, tc := range []struct {
		name   string
		make   func(t *testing.T, s sharing)
		permit bool
		want   string // of the refusal; empty: there is none
	}{
		{"one of another client, where the namespace permits it", func(t *testing.T, s sharing) { t.Helper(); create(t, s, helms()) }, true, ""},
		{"one of another client, where it does not", func(t *testing.T, s sharing) { t.Helper(); create(t, s, helms()) }, false, "was not made for this ExternalSecret: it is left alone; ask to adopt it"},
		{"one that the object made itself", func(t *testing.T, s sharing) {
			t.Helper()
			s.write(t, by("a", plan.CreateOrMerge, map[string]string{"password": "0"}))
		}, false, ""},
		{"one that another object made to share", func(t *testing.T, s sharing) {
			t.Helper()
			s.write(t, by("b", plan.CreateOrMerge, map[string]string{"password": "0"}))
		}, false, "ask to adopt it"},
		{"one that another object makes as a whole", func(t *testing.T, s sharing) {
			t.Helper()
			s.write(t, by("b", plan.Exclusive, map[string]string{"password": "0"}))
		}, true, "Secret db is made as a whole for another object (uid b)"},
		{"one that it makes as a whole and keeps", func(t *testing.T, s sharing) {
			t.Helper()
			r := by("b", plan.Exclusive, map[string]string{"password": "0"})
			r.Owner.DeletionPolicy = plan.DeletionRetain
			s.write(t, r)
		}, true, "Secret db is made as a whole for another object (uid b)"},
		{"one of an object of the kind that another controller serves", func(t *testing.T, s sharing) {
			t.Helper()
			create(t, s, unowned(func(s *corev1.Secret) {
				s.OwnerReferences = []metav1.OwnerReference{{APIVersion: externalSecret.GroupVersion().String(), Kind: "ExternalSecret", Name: "c", UID: "c", Controller: yes()}}
			}))
		}, true, "Secret db is made as a whole for another object (uid c)"},
		{"one of an operator, where the namespace permits it", func(t *testing.T, s sharing) {
			t.Helper()
			create(t, s, unowned(func(s *corev1.Secret) { s.OwnerReferences = controlledBy("Database", "pg", "9") }))
		}, true, ""},
		{"one that the object itself made as a whole", func(t *testing.T, s sharing) {
			t.Helper()
			s.write(t, by("a", plan.Exclusive, map[string]string{"password": "0"}))
		}, false, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSharing(t)
			tc.make(t, s)
			before := s.secret(t)
			r := by("a", plan.Merge, map[string]string{"password": "1"})
			if !tc.permit {
				r.Adopt = func(context.Context, *corev1.Secret) (bool, string, error) { return false, "", nil }
			}
			_, err := s.w.Write(t.Context(), r)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got the error %v, want %q", err, tc.want)
			}
			if err != nil {
				if diff := cmp.Diff(before, s.secret(t)); diff != "" {
					t.Errorf("the Secret changed (-before +after):\n%s", diff)
				}
			}
		})
	}
}

func create(t *testing.T, s sharing, secret *corev1.Secret) {
	t.Helper()
	if err := s.Create(t.Context(), secret, client.FieldOwner("helm")); err != nil {
		t.Fatal(err)
	}
}

// A Secret that goes with its object would take the entries of others along.
func TestASecretThatIsSharedFromNowOnHasNoOwner(t *testing.T) {
	for name, policy := range map[string]plan.DeletionPolicy{"by reference": plan.DeletionDelete, "by annotation": plan.DeletionRetain} {
		t.Run(name, func(t *testing.T) {
			s := newSharing(t)
			whole := by("a", plan.Exclusive, map[string]string{"password": "0", "old": "0"})
			whole.Owner.DeletionPolicy = policy
			s.write(t, whole)
			s.write(t, by("a", plan.Merge, map[string]string{"password": "1"}))
			s.wantData(t, "entries that the object no longer has are gone", map[string]string{"password": "1"})
			if secret := s.secret(t); len(secret.OwnerReferences) > 0 || secret.Annotations[names.AnnotationOwnerUID] != "" {
				t.Errorf("got an owner, want none: %+v", secret.ObjectMeta)
			}
		})
	}
}

func TestNoEntryIsSetInASecretThatIsImmutable(t *testing.T) {
	immutable := helms()
	immutable.Immutable = yes()
	s := newSharing(t, immutable)
	if _, err := s.w.Write(t.Context(), by("a", plan.Merge, map[string]string{"password": "1"})); err == nil || !strings.Contains(err.Error(), "secret db is immutable") {
		t.Errorf("got the error %v, want that the Secret is immutable", err)
	}
	s.wantData(t, "after it", map[string]string{"user": "admin", "port": "1"})
}

func TestTheDataOfAFinalSecretStays(t *testing.T) {
	for name, test := range map[string]struct {
		final, immutable bool
		want             map[string]string
	}{
		"final and immutable":      {true, true, map[string]string{"password": "1"}},
		"final, but not made so":   {true, false, map[string]string{"password": "2"}},
		"immutable, but not final": {false, true, map[string]string{"password": "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSharing(t)
			first := by("a", plan.Exclusive, map[string]string{"password": "1"})
			if test.immutable {
				first.Content.Immutable = yes()
			}
			s.write(t, first)
			uid := s.secret(t).UID
			second := by("a", plan.Exclusive, map[string]string{"password": "2"})
			second.Final, second.Content.Immutable, second.Content.Type = test.final, yes(), "example.com/other"
			if !test.final || !test.immutable {
				second.Content.Type = "Opaque"
			}
			s.write(t, second)
			s.wantData(t, "after a change", test.want)
			if got := s.secret(t); test.final && test.immutable && (got.UID != uid || got.Type != "Opaque") {
				t.Errorf("got type %s of Secret %s, want the old one", got.Type, got.UID)
			}
		})
	}
}

func TestWhatMustNotBeThereIsRemovedAndContestedWhereItComesBack(t *testing.T) {
	left := helms()
	left.OwnerReferences = controlledBy("ExternalSecret", "db", "1")
	s := newSharing(t, left)
	r := by("uid-1", plan.Exclusive, map[string]string{"password": "1"})
	if result := s.write(t, r); result.Contested || !result.Changed {
		t.Errorf("got %+v of what was there before, want a change, and nothing contested", result)
	}
	if _, there := s.secret(t).Annotations["example.com/hash"]; there {
		t.Error("the annotation is still there")
	}
	if result := s.write(t, r); result.Contested || result.Changed {
		t.Errorf("got %+v, want nothing to do", result)
	}
	secret := s.secret(t)
	secret.Annotations["example.com/hash"] = "y"
	if err := s.Update(t.Context(), secret, client.FieldOwner("other")); err != nil {
		t.Fatal(err)
	}
	if result := s.write(t, r); !result.Contested || !result.Changed {
		t.Errorf("got %+v of what came back, want that it is contested, and a change", result)
	}
}

// Another controller had the object for a while, and it has come back.
func TestWhatMustNotBeThereIsRemovedAgainWhereAnObjectIsTakenOverAgain(t *testing.T) {
	for name, how := range map[string]plan.Sharing{"of a Secret that is ours as a whole": plan.Exclusive, "of one that is shared": plan.Merge} {
		t.Run(name, func(t *testing.T) {
			left := helms()
			if how == plan.Exclusive {
				left.OwnerReferences = controlledBy("ExternalSecret", "db", "1")
			}
			s := newSharing(t, left)
			r := by("uid-1", how, map[string]string{"password": "1"})
			s.write(t, r)
			secret := s.secret(t)
			secret.Annotations["example.com/hash"] = "y"
			if err := s.Update(t.Context(), secret, client.FieldOwner("other")); err != nil {
				t.Fatal(err)
			}
			r.TakesOver = true
			if result := s.write(t, r); result.Contested || !result.Changed {
				t.Errorf("got %+v, want a change, and nothing contested", result)
			}
			if _, there := s.secret(t).Annotations["example.com/hash"]; there {
				t.Error("the annotation is still there")
			}
		})
	}
}
