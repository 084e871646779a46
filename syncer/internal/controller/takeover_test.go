package controller

import (
	"context"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
)

// takeoverOf counts the calls of Finish, and answers with the errors one after the other.
type takeoverOf struct {
	finished int
	answers  []error
}

func (*takeoverOf) Adopt(context.Context, Object, *corev1.Secret) (bool, string, error) {
	return false, "", nil
}

func (o *takeoverOf) Finish(context.Context, Object) (err error) {
	if o.finished < len(o.answers) {
		err = o.answers[o.finished]
	}
	o.finished++
	return err
}

// A controller that still runs beside ours puts its finalizer back at once.
func TestTheTakeoverOfAnObjectEndsOnce(t *testing.T) {
	object := func(uid types.UID) *apiv1.ExternalSecret {
		return &apiv1.ExternalSecret{ObjectMeta: metav1.ObjectMeta{Namespace: db.Namespace, Name: db.Name, UID: uid}}
	}
	deleted := object("a")
	deleted.DeletionTimestamp = &metav1.Time{}
	for name, test := range map[string]struct {
		answers []error
		objects []*apiv1.ExternalSecret
		want    int
	}{
		"of an object that stays, once":                      {nil, []*apiv1.ExternalSecret{object("a"), object("a"), object("a")}, 1},
		"again when it is deleted, until it is gone":         {nil, []*apiv1.ExternalSecret{object("a"), deleted, deleted}, 3},
		"again of another object of the same name":           {nil, []*apiv1.ExternalSecret{object("a"), object("b"), object("b")}, 2},
		"again where it failed":                              {[]error{errors.New("refused")}, []*apiv1.ExternalSecret{object("a"), object("a"), object("a")}, 2},
		"again where another client changed it at that time": {[]error{conflict()}, []*apiv1.ExternalSecret{object("a"), object("a"), object("a")}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			takeover := &takeoverOf{answers: test.answers}
			r := &Reconciler{Takeover: takeover}
			for _, o := range test.objects {
				if _, err := r.finishTakeover(t.Context(), o); err != nil && len(test.answers) == 0 {
					t.Fatal(err)
				}
			}
			if takeover.finished != test.want {
				t.Errorf("got %d calls, want %d", takeover.finished, test.want)
			}
		})
	}
	t.Run("again once another controller has served it meanwhile", func(t *testing.T) {
		takeover := &takeoverOf{}
		r := &Reconciler{Takeover: takeover}
		for range 2 {
			if _, err := r.finishTakeover(t.Context(), object("a")); err != nil {
				t.Fatal(err)
			}
			r.states.forget(db)
		}
		if takeover.finished != 2 {
			t.Errorf("got %d calls, want 2", takeover.finished)
		}
	})
}

func conflict() error {
	return apierrors.NewConflict(schema.GroupResource{Resource: "externalsecrets"}, db.Name, errors.New("it has changed"))
}
