package apply

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// asking is a Secret of another client that asks by annotations.
func asking(annotations map[string]string, owners ...metav1.OwnerReference) *corev1.Secret {
	secret := helms()
	secret.Type, secret.Annotations, secret.OwnerReferences = "Opaque", annotations, owners
	return secret
}

// whole is a request of an object to make the whole of a Secret, but where that asks for less.
func whole(entries map[string]string) Request {
	r := by("a", plan.Exclusive, entries)
	r.Asks = plan.Asks{Adopt: "example.com/managed", Share: "example.com/patch"}
	r.Content.Annotations = map[string]string{"note": "a"}
	return r
}

func TestASecretThatExistsMayAskToBeSharedOrAdopted(t *testing.T) {
	another := metav1.OwnerReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "d", UID: "d", Controller: new(true)}
	ours := metav1.OwnerReference{APIVersion: "kubernetes-client.io/v1", Kind: "ExternalSecret", Name: "a", UID: "a", Controller: new(true)}
	for name, test := range map[string]struct {
		asks   map[string]string
		owners []metav1.OwnerReference
		data   map[string]string
		labels map[string]string
		want   []metav1.OwnerReference
		denied bool
	}{
		"to be adopted": {
			asks: map[string]string{"example.com/managed": "true"}, data: map[string]string{"user": "a"},
			labels: map[string]string{"team": "a"}, want: []metav1.OwnerReference{ours},
		},
		"to be shared": {
			asks: map[string]string{"example.com/patch": "true"}, data: map[string]string{"user": "a", "port": "1"},
			labels: map[string]string{"team": "a"},
		},
		"to be shared by its owner": {
			asks: map[string]string{"example.com/patch": "true"}, owners: []metav1.OwnerReference{another},
			data: map[string]string{"user": "a", "port": "1"}, labels: map[string]string{"team": "a"}, want: []metav1.OwnerReference{another},
		},
		"to be shared and adopted": {
			asks: map[string]string{"example.com/patch": "true", "example.com/managed": "true"}, data: map[string]string{"user": "a", "port": "1"},
			labels: map[string]string{"team": "a"}, want: []metav1.OwnerReference{ours},
		},
		"to be shared and adopted, though another controller owns it": {
			asks: map[string]string{"example.com/patch": "true", "example.com/managed": "true"}, owners: []metav1.OwnerReference{another},
			denied: true,
		},
		"to be shared, of one that is the object's": {
			asks: map[string]string{"example.com/patch": "true"}, owners: []metav1.OwnerReference{ours},
			data: map[string]string{"user": "a", "port": "1"}, labels: map[string]string{"team": "a"}, want: []metav1.OwnerReference{ours},
		},
		"with another value, which asks for nothing": {
			asks: map[string]string{"example.com/patch": "yes"}, owners: []metav1.OwnerReference{another}, denied: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSharing(t, asking(test.asks, test.owners...))
			_, err := s.w.Write(t.Context(), whole(map[string]string{"user": "a"}))
			if _, denied := errors.AsType[*NotOwnedError](err); denied != test.denied || err != nil && !denied {
				t.Fatalf("got %v, want a denial: %t", err, test.denied)
			}
			if test.denied {
				s.wantData(t, "left alone", map[string]string{"user": "admin", "port": "1"})
				return
			}
			s.wantData(t, "written", test.data)
			secret := s.secret(t)
			test.labels[names.LabelManaged] = "true"
			if diff := cmp.Diff(test.labels, secret.Labels); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.want, secret.OwnerReferences); diff != "" {
				t.Errorf("owners (-want +got):\n%s", diff)
			}
			if secret.Annotations["note"] != "a" {
				t.Errorf("got annotations %v, want the object's among them", secret.Annotations)
			}
			if again := s.write(t, whole(map[string]string{"user": "a"})); again.Changed {
				t.Errorf("got another write of the same: %+v", again)
			}
		})
	}
}

// Entries that the object no longer has go, also from a Secret that it made as a whole before it asked to be shared; those of others stay.
func TestASecretThatBeginsToAskKeepsItsOwner(t *testing.T) {
	for name, policy := range map[string]plan.DeletionPolicy{"by reference": plan.DeletionDelete, "by annotation": plan.DeletionRetain} {
		t.Run(name, func(t *testing.T) {
			s := newSharing(t)
			request := func(entries map[string]string) Request {
				r := whole(entries)
				r.Owner.DeletionPolicy = policy
				r.Content.Annotations = map[string]string{"example.com/patch": "true"}
				return r
			}
			s.write(t, request(map[string]string{"user": "a", "old": "a"}))
			secret := s.secret(t)
			secret.Data["port"] = []byte("1")
			owners := secret.OwnerReferences
			if err := s.Update(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
			s.write(t, request(map[string]string{"user": "b"}))
			s.wantData(t, "with an entry of another client", map[string]string{"user": "b", "port": "1"})
			if diff := cmp.Diff(owners, s.secret(t).OwnerReferences); diff != "" {
				t.Errorf("owners (-want +got):\n%s", diff)
			}
			refusing := request(map[string]string{"user": "c"})
			refusing.Adopt = nil // it is the object's, so that it needs no permission
			s.write(t, refusing)
		})
	}
}
