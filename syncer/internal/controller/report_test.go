package controller

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/log"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/plan"
)

func TestAFailureIsLoggedAsAWarning(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) {
		var text bytes.Buffer
		ctx := log.IntoContext(t.Context(), logr.FromSlogHandler(slog.NewJSONHandler(&text, nil)).WithValues("name", "db"))
		object := &apiv1.ExternalSecret{}
		failed := invalidObject(field.ErrorList{field.Required(field.NewPath("spec"), "it is needed")})
		w.announce(ctx, object, plan.Record{}, nextRecord(plan.Record{}, 0, failed, "", time.Now()), failed)
		var got map[string]any
		if err := json.Unmarshal(text.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		delete(got, "time")
		want := map[string]any{
			"level": "WARN", "msg": "Sync failed", "name": "db", "reason": string(plan.ReasonInvalidSpec),
			"message": "spec: Required value: it is needed", "nextAttempt": "when the object changes",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// tuenti's CRD has no status subresource, which the API server says as if the object were missing.
func TestACRDWithoutStatusIsToldApartFromAMissingObject(t *testing.T) {
	missing := apierrors.NewNotFound(apiv1.GroupVersion.WithResource("externalsecrets").GroupResource(), db.Name)
	inFakeTime(t, interceptor.Funcs{SubResourcePatch: func(
		context.Context, client.Client, string, client.Object, client.Patch, ...client.SubResourcePatchOption,
	) error {
		return missing
	}}, func(w *world) {
		object := &apiv1.ExternalSecret{ObjectMeta: metav1.ObjectMeta{Namespace: db.Namespace, Name: db.Name, UID: "db"}}
		status := plan.Record{Ready: metav1.ConditionTrue, Reason: plan.ReasonSynced, Since: time.Now()}
		if err := w.writeStatus(t.Context(), object, status); err != nil {
			t.Errorf("got %v for an object that is gone, want no error", err)
		}
		w.apply(t, "another", nil)
		if err := w.writeStatus(t.Context(), object, status); err != nil {
			t.Errorf("got %v for an object that was made again, want no error", err)
		}
		object.UID = "another"
		if err := w.writeStatus(t.Context(), object, status); !errors.Is(err, errNoStatus) {
			t.Errorf("got %v for an object that is there, want %v", err, errNoStatus)
		}
	})
}
