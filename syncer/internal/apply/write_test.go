package apply

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// cluster is an API server that holds these objects.
func cluster(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
}

func TestTheStampTellsWhenTheSecretChanged(t *testing.T) {
	c, hour := cluster(t), 0
	w := &Writer{Client: c, Now: func() time.Time { return time.Date(2026, 1, 1, hour, 0, 0, 0, time.FixedZone("CET", 3600)) }}
	write := func(name, value, labelled string) string {
		hour++
		_, err := w.Write(t.Context(), Request{
			Owner: mine, Name: name, Stamp: plan.Stamp{Annotation: "example.com/at", Format: "15:04Z"},
			Content: &render.Secret{Type: "Opaque", Data: map[string][]byte{"a": []byte(value)}, Labels: map[string]string{"team": labelled}},
		})
		if err != nil {
			t.Fatal(err)
		}
		secret := &corev1.Secret{}
		if err := c.Get(t.Context(), client.ObjectKey{Namespace: mine.Namespace, Name: name}, secret); err != nil {
			t.Fatal(err)
		}
		return secret.Annotations["example.com/at"]
	}
	got := []string{write("db", "1", "x"), write("db", "1", "x"), write("db", "2", "x"), write("db", "2", "y")}
	if diff := cmp.Diff([]string{"00:00Z", "00:00Z", "02:00Z", "03:00Z"}, got); diff != "" {
		t.Errorf("when it is new, not changed, and changed twice (-want +got):\n%s", diff)
	}
}

func TestRemove(t *testing.T) {
	always := func(*corev1.Secret) (bool, error) { return true, nil }
	never := func(*corev1.Secret) (bool, error) { return false, nil }
	for _, tc := range []struct {
		name       string
		secret     metav1.ObjectMeta
		remove     string // the name to remove
		recognised func(*corev1.Secret) (bool, error)
		stays      bool
	}{
		{"the owner's own goes", metav1.ObjectMeta{OwnerReferences: controlledBy("ExternalSecret", "db", "1")}, "db", nil, false},
		{"it goes without being recognised", metav1.ObjectMeta{OwnerReferences: controlledBy("ExternalSecret", "db", "1")}, "db", never, false},
		{"another's stays", metav1.ObjectMeta{OwnerReferences: controlledBy("ExternalSecret", "db", "2")}, "db", nil, true},
		{"one without an owner stays", metav1.ObjectMeta{}, "db", nil, true},
		{"one without an owner goes where it is recognised", metav1.ObjectMeta{}, "db", always, false},
		{"else it stays", metav1.ObjectMeta{}, "db", never, true},
		{"that it is gone is no error", metav1.ObjectMeta{}, "gone", always, true},
		{"no name is no error", metav1.ObjectMeta{}, "", always, true},
		{"nor is one that no Secret can have", metav1.ObjectMeta{}, "a/b", always, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.secret.Namespace, tc.secret.Name, tc.secret.UID = mine.Namespace, "db", "uid-of-db"
			all := cluster(t, &corev1.Secret{ObjectMeta: tc.secret})
			deleted := false
			c := interceptor.NewClient(all, interceptor.Funcs{
				Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, into client.Object, options ...client.GetOption) error {
					if key.Name != "db" && key.Name != "gone" {
						return errors.New("the client of a real API server refuses this name")
					}
					return c.Get(ctx, key, into, options...)
				},
				Delete: func(_ context.Context, _ client.WithWatch, secret client.Object, options ...client.DeleteOption) error {
					deleted = true
					uid, version := types.UID("uid-of-db"), secret.GetResourceVersion()
					want := &metav1.Preconditions{UID: &uid, ResourceVersion: &version}
					if diff := cmp.Diff(want, (&client.DeleteOptions{}).ApplyOptions(options).Preconditions); diff != "" || version == "" {
						t.Errorf("another Secret might be deleted:\n%s", diff)
					}
					return nil
				},
			})
			removed, err := (&Writer{Client: c}).Remove(t.Context(), mine, tc.remove, tc.recognised)
			if err != nil {
				t.Fatal(err)
			}
			if removed != deleted {
				t.Errorf("got removed %t, want %t", removed, deleted)
			}
			if deleted == tc.stays {
				t.Errorf("that it is deleted is %t", deleted)
			}
		})
	}
	t.Run("what is not known is left alone", func(t *testing.T) {
		planted := errors.New("planted")
		c := cluster(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: mine.Namespace, Name: "db"}})
		_, err := (&Writer{Client: c}).Remove(t.Context(), mine, "db", func(*corev1.Secret) (bool, error) { return true, planted })
		if !errors.Is(err, planted) {
			t.Errorf("the error is %v", err)
		}
		if err := c.Get(t.Context(), client.ObjectKey{Namespace: mine.Namespace, Name: "db"}, &corev1.Secret{}); err != nil {
			t.Error(err)
		}
	})
}

// What takes the time that there is for the new Secret must not take that for the old one, too.
func TestTheOldSecretIsRestoredThoughTheNewOneGetsNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := cluster(t, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: mine.Namespace, Name: "db", OwnerReferences: controlledBy("ExternalSecret", "db", "1")},
			Type:       "Opaque", Data: map[string][]byte{"a": []byte("old")},
		})
		c := interceptor.NewClient(all, interceptor.Funcs{
			Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
				dryRun := len((&client.CreateOptions{}).ApplyOptions(options).DryRun) > 0
				if secret, ok := object.(*corev1.Secret); ok && secret.Type == "example.com/new" && !dryRun {
					<-ctx.Done()
					return ctx.Err()
				}
				return c.Create(ctx, object, options...)
			},
		})
		_, err := (&Writer{Client: c}).Write(t.Context(), Request{
			Owner: mine, Name: "db", Expected: true,
			Content: &render.Secret{Type: "example.com/new", Data: map[string][]byte{"a": []byte("new")}},
		})
		if err == nil {
			t.Error("there is no error")
		}
		secret := &corev1.Secret{}
		if err := all.Get(t.Context(), client.ObjectKey{Namespace: mine.Namespace, Name: "db"}, secret); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string][]byte{"a": []byte("old")}, secret.Data); diff != "" {
			t.Error(diff)
		}
	})
}
